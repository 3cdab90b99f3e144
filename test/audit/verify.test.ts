import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashOf } from '../../src/audit/chain.ts';
import type { StoredRecord } from '../../src/audit/columns.ts';
import { openToRead } from '../../src/audit/database.ts';
import { headText, parseHeads } from '../../src/audit/heads.ts';
import { prune, rangesBefore } from '../../src/audit/prune.ts';
import { headsOf } from '../../src/audit/reader.ts';
import { type VerifyReport, verifyAuditLog } from '../../src/audit/verify.ts';
import { aFolder, anAuditLog, anOldDatabase, aVend, open, recordsIn } from './support.ts';

const START = 1_767_225_600;

/** An audit log of six records by one writer and two by another, a day apart; nobody writes it any more. */
async function aFinishedLog(path = join(aFolder(), 'audit.sqlite')): Promise<string> {
  for (const records of [6, 2]) {
    const { auditLog } = await anAuditLog(path);
    for (let n = 0; n < records; n++)
      await auditLog.append(aVend({ at: (START + n * 86_400) * 1000, accessKeyId: `ASIA${n}` }));
    await auditLog.close();
  }
  return path;
}

async function verified(path: string, heads?: Parameters<typeof verifyAuditLog>[1]): Promise<VerifyReport> {
  const db = await openToRead({ kind: 'sqlite', path });
  try {
    return await verifyAuditLog(db, heads);
  } finally {
    await db.close();
  }
}

async function headsNow(path: string) {
  const db = await openToRead({ kind: 'sqlite', path });
  try {
    return await headsOf(db);
  } finally {
    await db.close();
  }
}

/** What somebody does who can write the file: the triggers are no obstacle. */
function tamper(path: string, sql: string): void {
  const db = open(path);
  const triggers = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  db.exec(sql);
  for (const trigger of triggers) db.exec(trigger.sql);
  db.close();
}

/** Computes all chains of a database again, as someone would who knows how. */
function rechain(path: string): void {
  const last = new Map<string, StoredRecord>();
  for (const record of recordsIn(path) as unknown as StoredRecord[]) {
    const before = last.get(record.writer ?? '');
    const changed = { ...record, seq: (before?.seq ?? 0) + 1, prev_hash: before?.hash ?? '0'.repeat(64) };
    const done = { ...changed, hash: hashOf(changed) };
    tamper(
      path,
      `UPDATE mint_log SET seq = ${done.seq}, prev_hash = '${done.prev_hash}', hash = '${done.hash}' WHERE id = ${record.id}`,
    );
    last.set(record.writer ?? '', done);
  }
}

test('an audit log that nobody touched is intact, and without heads the report says what that can not exclude', async () => {
  const path = await aFinishedLog();
  expect(await verified(path)).toMatchObject({
    intact: true,
    records: 8,
    writers: 2,
    findings: [],
    truncation: 'not-excluded',
  });
  expect(await verified(path, await headsNow(path))).toMatchObject({
    intact: true,
    heads: 2,
    truncation: 'excluded-up-to-the-heads',
  });
});

test.each([
  ['the wallet', "requester_wallet = '0xdeadbeef'"],
  ['the time', 'minted_at = minted_at + 1'],
  ['the count', 'count = 2'],
  ['a column emptied', 'access_key_id = NULL'],
  ['its own hash', `hash = '${'0'.repeat(64)}'`],
  ['the hash of the one before', `prev_hash = '${'1'.repeat(64)}'`],
])('an edited record is found and named: %s', async (_, change) => {
  const path = await aFinishedLog();
  tamper(path, `UPDATE mint_log SET ${change} WHERE id = 3`);
  const { intact, findings } = await verified(path);
  expect(intact).toBe(false);
  expect(findings[0]).toMatchObject({ code: 'audit-edited', id: 3, seq: 3 });
  expect(findings.every(finding => finding.id === 3)).toBe(true);
});

test('an edited record whose hash was computed again is found by the record behind it', async () => {
  const path = await aFinishedLog();
  const record = recordsIn(path)[2] as unknown as StoredRecord;
  tamper(path, `UPDATE mint_log SET count = 9, hash = '${hashOf({ ...record, count: 9 })}' WHERE id = 3`);
  expect((await verified(path)).findings).toMatchObject([
    { code: 'audit-rewritten', id: 3, message: expect.stringMatching(/record id 4/) },
  ]);
});

test.each([
  ['in the middle', '3', 'number 3 of the chain, between record id 2', 4],
  ['several', '3, 4', 'numbers 3 to 4 of the chain, between record id 2', 5],
  ['at the start', '1', 'number 1 of the chain, before this record', 2],
])('removed records are found and named: %s', async (_, ids, message, next) => {
  const path = await aFinishedLog();
  tamper(path, `DELETE FROM mint_log WHERE id IN (${ids})`);
  expect((await verified(path)).findings).toMatchObject([
    { code: 'audit-removed', id: next, message: expect.stringContaining(message) },
  ]);
});

test('reordered records are found and named', async () => {
  const path = await aFinishedLog();
  tamper(
    path,
    'UPDATE mint_log SET id = 99 WHERE id = 3; UPDATE mint_log SET id = 3 WHERE id = 4; UPDATE mint_log SET id = 4 WHERE id = 99',
  );
  const { findings } = await verified(path);
  expect(findings).toContainEqual(expect.objectContaining({ code: 'audit-reordered', id: 3, seq: 4 }));
  expect(new Set(findings.map(finding => finding.id))).toEqual(new Set([3, 4]));
});

test('an inserted record is found: one without a chain, and one with the number of another', async () => {
  const path = await aFinishedLog();
  tamper(
    path,
    `DROP INDEX mint_log_chain;
     INSERT INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome)
       VALUES (1, '', 'unknown', 'r', 1, 's', 'ok');
     INSERT INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome, writer, seq, prev_hash, hash)
       SELECT 1, '', 'unknown', 'r', 1, 's', 'ok', writer, seq, prev_hash, hash FROM mint_log WHERE id = 2`,
  );
  expect((await verified(path)).findings).toMatchObject([
    { code: 'audit-inserted', id: 10, seq: 2 },
    { code: 'audit-not-chained', id: 9 },
  ]);
});

test('a cut tail is found by heads alone', async () => {
  const path = await aFinishedLog();
  const heads = await headsNow(path);
  tamper(path, 'DELETE FROM mint_log WHERE id IN (5, 6)');
  expect(await verified(path)).toMatchObject({ intact: true, truncation: 'not-excluded' });
  expect((await verified(path, heads)).findings).toMatchObject([
    { code: 'audit-cut', seq: 6, message: expect.stringMatching(/ends with number 4/) },
  ]);
});

test('a chain that was computed again is found by heads alone', async () => {
  const path = await aFinishedLog();
  const heads = await headsNow(path);
  tamper(path, 'DELETE FROM mint_log WHERE id = 3');
  tamper(path, "UPDATE mint_log SET requester_wallet = '0xdeadbeef' WHERE id = 2");
  rechain(path);
  expect(await verified(path)).toMatchObject({ intact: true });
  const { findings } = await verified(path, heads);
  expect(findings.map(finding => finding.code)).toEqual(['audit-cut']);
  // Heads of an earlier minute see it too.
  const [early] = heads.filter(head => head.seq === 6).map(head => ({ ...head, seq: 4 }));
  expect((await verified(path, early && [early])).findings).toMatchObject([{ code: 'audit-rewritten', seq: 4 }]);
});

test('a writer that is missing as a whole is found by heads alone', async () => {
  const path = await aFinishedLog();
  const heads = await headsNow(path);
  tamper(path, 'DELETE FROM mint_log WHERE id IN (7, 8)');
  expect(await verified(path)).toMatchObject({ intact: true });
  expect((await verified(path, heads)).findings).toMatchObject([{ code: 'audit-writer-missing', seq: 2 }]);
});

test('heads are read from JSON lines, from a log made for reading, and from plain text; other lines are passed over', async () => {
  const head = { writer: '0123456789abcdef', seq: 7, hash: 'ab'.repeat(32) };
  const text = [
    '{"level":"info","msg":"listening"}',
    JSON.stringify({ level: 'info', ...head, at: 'x', msg: `audit head` }),
    `[12:00:00.000] INFO: audit head ${head.writer} 7 ${head.hash}`,
    headText(head, '2026-01-01T00:00:00.000Z'),
    '{ not json',
    `{"writer":"w","seq":-1,"hash":"${head.hash}"}`,
    `pod-1 | {"writer":"sealed","seq":3,"hash":"${head.hash}"}`,
    '',
  ].join('\n');
  expect(parseHeads(text)).toEqual([head, head, head, { ...head, writer: 'sealed', seq: 3 }]);
});

test('the old broker’s records are held by their seal: an edit, a removed record and a cut tail are found without heads', async () => {
  for (const [sql, kinds] of [
    ['SELECT 1', []],
    ["UPDATE mint_log SET outcome = 'ok' WHERE id = 8", ['audit-edited']],
    ['DELETE FROM mint_log WHERE id = 4', ['audit-removed']],
    ['DELETE FROM mint_log WHERE id = 10', ['audit-seal-broken']],
    ['DELETE FROM mint_log WHERE id <= 10', ['audit-seal-broken']],
    ['DELETE FROM mint_log WHERE id = 11', ['audit-seal-broken']],
  ] as const) {
    const path = join(aFolder(), 'old.sqlite');
    anOldDatabase(path, 10);
    const { auditLog } = await anAuditLog(path);
    await auditLog.append(aVend());
    await auditLog.close();
    if (sql !== 'SELECT 1') tamper(path, sql);
    const { findings, sealedRecords } = await verified(path);
    expect(
      findings.map(finding => finding.code),
      sql,
    ).toEqual(kinds);
    expect(sealedRecords).toBeGreaterThanOrEqual(0);
  }
});

test('an old broker’s database that was never migrated is read as it is, and said to have no chain', async () => {
  const path = join(aFolder(), 'old.sqlite');
  anOldDatabase(path, 3);
  expect(await verified(path)).toMatchObject({ intact: false, findings: [{ code: 'audit-not-migrated' }] });
  expect(Object.keys(recordsIn(path)[0] ?? {})).toHaveLength(9);
});

const day = (n: number) => START + n * 86_400;

test('prune takes the leading records of each chain, and what is left can be verified, against old heads too', async () => {
  const path = await aFinishedLog();
  const config = { kind: 'sqlite', path } as const;
  const heads = await headsNow(path);
  expect(await rangesBefore(config, day(3))).toMatchObject([{ first_seq: 1 }, { first_seq: 1 }]);
  expect(recordsIn(path)).toHaveLength(8);
  const ranges = await prune(config, day(3), day(10));
  expect(ranges.map(range => range.last_seq).sort()).toEqual([2, 3]);
  const records = recordsIn(path);
  expect(records.map(record => [record['outcome'], record['minted_at']])).toEqual([
    ['ok', day(3)],
    ['ok', day(4)],
    ['ok', day(5)],
    ['pruned', day(10)],
    ['pruned', day(10)],
  ]);
  expect(await verified(path, heads)).toMatchObject({ intact: true, pruned: [{}, {}] });
  // Once more, over the first: the records of both stay.
  await prune(config, day(5), day(20));
  expect(await verified(path, heads)).toMatchObject({ intact: true });
  expect((await verified(path)).records).toBe(4);
  // And all of it: the records are younger than nothing, and stay.
  await prune(config, day(100), day(100));
  expect(new Set(recordsIn(path).map(record => record['outcome']))).toEqual(new Set(['pruned']));
  expect(await verified(path, heads)).toMatchObject({ intact: true });
  // The triggers are on again.
  expect(() => open(path).exec('DELETE FROM mint_log')).toThrow(/append-only/);
});

test('what is removed besides pruning is found in a pruned audit log', async () => {
  const path = await aFinishedLog();
  await prune({ kind: 'sqlite', path }, day(3), day(10));
  tamper(path, 'DELETE FROM mint_log WHERE id = 4');
  expect((await verified(path)).findings).toMatchObject([{ code: 'audit-removed', id: 5 }]);
});

test('prune goes on while a process writes, whose chain stays whole', async () => {
  const { auditLog, path } = await anAuditLog();
  for (let n = 0; n < 5; n++) await auditLog.append(aVend({ at: day(n) * 1000 }));
  await prune({ kind: 'sqlite', path }, day(100), day(100));
  await auditLog.append(aVend({ at: day(101) * 1000 }));
  expect(recordsIn(path).map(record => [record['outcome'], record['seq']])).toEqual([
    ['pruned', 1],
    ['ok', 6],
  ]);
  expect(await verified(path)).toMatchObject({ intact: true, findings: [] });
});

test('prune takes sealed records too, by the same rule', async () => {
  const path = join(aFolder(), 'old.sqlite');
  anOldDatabase(path, 10);
  const { auditLog } = await anAuditLog(path);
  await auditLog.close();
  await prune({ kind: 'sqlite', path }, 1_700_000_004, day(1));
  expect(await verified(path)).toMatchObject({ intact: true, sealedRecords: 6 });
  await prune({ kind: 'sqlite', path }, day(100), day(100));
  expect(await verified(path)).toMatchObject({ intact: true, sealedRecords: 0 });
});

test('an audit log that is not intact is not pruned', async () => {
  const path = await aFinishedLog();
  tamper(path, 'UPDATE mint_log SET count = 2 WHERE id = 1');
  await expect(prune({ kind: 'sqlite', path }, day(3), day(10))).rejects.toThrow(/not intact/);
  expect(recordsIn(path)).toHaveLength(8);
});

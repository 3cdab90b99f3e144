/** `audit verify`, and a log that opens its database, check what keeps the table append-only. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openToRead } from '../../src/audit/database.ts';
import { prune } from '../../src/audit/prune.ts';
import { headsOf } from '../../src/audit/reader.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { aFolder, anAuditLog, aVend, open } from './support.ts';

async function aLogOf(records: number) {
  const path = join(aFolder(), 'audit.sqlite');
  const { auditLog } = await anAuditLog(path);
  for (let n = 0; n < records; n++) await auditLog.append(aVend({ at: n * 1000 }));
  await auditLog.close();
  return path;
}

async function reading<T>(path: string, use: (db: Awaited<ReturnType<typeof openToRead>>) => Promise<T>): Promise<T> {
  const db = await openToRead({ kind: 'sqlite', path });
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}
const verified = (path: string, heads?: Parameters<typeof verifyAuditLog>[1]) =>
  reading(path, db => verifyAuditLog(db, heads));
const headsNow = (path: string) => reading(path, headsOf);

function tamper(path: string, ...statements: string[]): void {
  const db = open(path);
  for (const sql of statements) db.exec(sql);
  db.close();
}

const UPDATE_TRIGGER = 'mint_log_no_update';
test.each([
  ['audit-trigger-missing', [`DROP TRIGGER ${UPDATE_TRIGGER}`]],
  [
    'audit-trigger-changed',
    [
      `DROP TRIGGER ${UPDATE_TRIGGER}`,
      `CREATE TRIGGER ${UPDATE_TRIGGER} BEFORE UPDATE ON mint_log BEGIN SELECT 1; END`,
    ],
  ],
  ['audit-trigger-added', ['CREATE TRIGGER quiet BEFORE INSERT ON mint_log BEGIN SELECT RAISE(IGNORE); END']],
])('a %s is found by verify, and told when the log is opened', async (code, statements) => {
  const path = await aLogOf(2);
  tamper(path, ...statements);
  expect((await verified(path)).findings).toMatchObject([{ code }]);
  const { lines } = await anAuditLog(path);
  await vi.waitFor(() =>
    expect(lines).toContainEqual(
      expect.objectContaining({ code: 'AuditDamaged', msg: expect.stringMatching(/trigger/) }),
    ),
  );
});

test('a flipped byte in a record is told when the log is opened, with the fix', async () => {
  const path = await aLogOf(5);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('ASIAEXAMPLE') + 4] = 0x5a;
  writeFileSync(path, bytes);
  const { lines } = await anAuditLog(path);
  await vi.waitFor(() =>
    expect(lines).toContainEqual(
      expect.objectContaining({
        code: 'AuditDamaged',
        msg: expect.stringMatching(/record id 5: edited.*Keep the database as evidence/),
      }),
    ),
  );
});

test('a page of flipped bytes is an error at start, with the fix', async () => {
  const path = await aLogOf(200);
  const bytes = readFileSync(path);
  randomBytes(4096).copy(bytes, 4096);
  writeFileSync(path, bytes);
  await expect(anAuditLog(path)).rejects.toThrow(/move it and its -wal away/);
});

test('a forged record of pruning does not excuse a writer whose records are gone', async () => {
  const path = await aLogOf(5);
  const heads = await headsNow(path);
  const [head] = heads;
  tamper(
    path,
    'DROP TRIGGER mint_log_no_delete',
    'DELETE FROM mint_log',
    `CREATE TRIGGER mint_log_no_delete BEFORE DELETE ON mint_log
  BEGIN SELECT RAISE(ABORT, 'mint_log is append-only: DELETE is refused'); END`,
  );
  const forger = await anAuditLog(path);
  await forger.auditLog.append(aVend());
  await forger.auditLog.close();
  const detail = JSON.stringify({ writer: head?.writer, first_seq: 1, last_seq: 99, last_hash: 'f'.repeat(64) });
  tamper(
    path,
    `DROP TRIGGER ${UPDATE_TRIGGER}`,
    `UPDATE mint_log SET via = 'audit', outcome = 'pruned', outcome_detail = '${detail}'`,
  );
  const codes = (await verified(path, heads)).findings.map(({ code }) => code);
  expect(codes).toContain('audit-pruned-unproven');
});

test('a record of pruning counts with heads from before it, and with heads from after it', async () => {
  const path = await aLogOf(5);
  const before = await headsNow(path);
  await prune({ kind: 'sqlite', path }, 3, 100);
  const after = await headsNow(path);
  expect(await verified(path, before)).toMatchObject({ intact: true, pruned: [{ last_seq: 3 }] });
  await prune({ kind: 'sqlite', path }, 100, 100);
  expect(await verified(path, before)).toMatchObject({ intact: true });
  expect(await verified(path, await headsNow(path))).toMatchObject({ intact: true });
  expect(after).not.toEqual(before);
});

test('every kept head is compared by its hash: within a chain, at its end, where it was pruned, and with one another', async () => {
  const path = await aLogOf(5);
  const [end] = await headsNow(path);
  if (end === undefined) throw new Error('no head');
  const wrong = 'f'.repeat(64);
  const codes = async (...heads: (typeof end)[]) => (await verified(path, heads)).findings.map(({ code }) => code);
  expect(await codes(end)).toEqual([]);
  expect(await codes({ ...end, hash: wrong })).toEqual(['audit-rewritten']);
  expect(await codes({ ...end, seq: 2, hash: wrong }, end)).toEqual(['audit-rewritten']);
  expect(await codes(end, { ...end, hash: wrong })).toContain('audit-rewritten');
  await prune({ kind: 'sqlite', path }, 3, 100);
  expect(await codes({ ...end, seq: 3, hash: wrong }, end)).toEqual(['audit-rewritten']);
  await prune({ kind: 'sqlite', path }, 100, 100);
  expect(await codes({ ...end, hash: wrong })).toEqual(['audit-rewritten']);
});

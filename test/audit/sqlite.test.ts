import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { hashOf } from '../../src/audit/chain.ts';
import { normalised, type StoredRecord } from '../../src/audit/columns.ts';
import { createAuditLog } from '../../src/audit/create-log.ts';
import { SqliteFile } from '../../src/audit/sqlite/file.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { aFolder, aLog, anAuditLog, anOldDatabase, aRecord, aVend, open, recordsIn } from './support.ts';

test('a record is in the database when append resolves, with its place in the chain', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  const records = recordsIn(path);
  expect(records).toMatchObject([{ ...aRecord(), id: 1, seq: 1, prev_hash: '0'.repeat(64) }]);
  expect(records[0]?.['hash']).toBe(hashOf(records[0] as unknown as StoredRecord));
});

test('the nine columns of the old broker come first, as they were, and their indexes are there', async () => {
  const { path } = await anAuditLog();
  const db = open(path);
  const columns = db.prepare("SELECT name, type, [notnull] AS required, pk FROM pragma_table_info('mint_log')").all();
  expect(columns.slice(0, 9)).toEqual([
    { name: 'id', type: 'INTEGER', required: 0, pk: 1 },
    { name: 'minted_at', type: 'INTEGER', required: 1, pk: 0 },
    { name: 'requester_token_hash', type: 'TEXT', required: 1, pk: 0 },
    { name: 'requester_wallet', type: 'TEXT', required: 1, pk: 0 },
    { name: 'requested_role', type: 'TEXT', required: 1, pk: 0 },
    { name: 'session_duration_seconds', type: 'INTEGER', required: 1, pk: 0 },
    { name: 'sts_session_name', type: 'TEXT', required: 1, pk: 0 },
    { name: 'outcome', type: 'TEXT', required: 1, pk: 0 },
    { name: 'outcome_detail', type: 'TEXT', required: 0, pk: 0 },
  ]);
  const indexed = db.prepare("SELECT i.name FROM pragma_index_list('mint_log') l, pragma_index_info(l.name) i").all();
  expect(indexed).toEqual(expect.arrayContaining([{ name: 'minted_at' }, { name: 'requester_wallet' }]));
  expect(db.prepare('PRAGMA journal_mode').all()).toEqual([{ journal_mode: 'wal' }]);
});

test('records that come together are chained in their order, and none is lost', async () => {
  const { auditLog, path } = await anAuditLog();
  await Promise.all(Array.from({ length: 2500 }, (_, n) => auditLog.append(aVend({ accessKeyId: `ASIA${n}` }))));
  const records = recordsIn(path) as unknown as StoredRecord[];
  expect(records.map(record => record.access_key_id)).toEqual(records.map((_, n) => `ASIA${n}`));
  expect(records.map(record => record.seq)).toEqual(records.map((_, n) => n + 1));
  for (const [n, record] of records.entries()) {
    expect(record.hash).toBe(hashOf(record));
    if (n > 0) expect(record.prev_hash).toBe(records[n - 1]?.hash);
  }
});

test('text that a database would change is stored in a form whose hash still fits', async () => {
  const path = join(aFolder(), 'audit.sqlite');
  const file = new SqliteFile(path);
  file.write([aRecord({ outcome_detail: `a\0b\ud800c "é" \u2028 ${'x'.repeat(400)}`, minted_at: 1.7 })]);
  file.close();
  const [record] = recordsIn(path) as unknown as StoredRecord[];
  expect(record?.outcome_detail).toMatch(/^a\ufffdb\ufffdc "é" \u2028 x+…$/);
  expect(record?.outcome_detail?.length).toBe(300);
  expect(record && hashOf(record)).toBe(record?.hash);
});

test('what a first record needs is made ready without a lock, and leaves nothing behind', () => {
  const path = join(aFolder(), 'audit.sqlite');
  const file = new SqliteFile(path);
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  file.prepare();
  other.exec('ROLLBACK');
  expect(recordsIn(path)).toEqual([]);
  expect(file.write([normalised(aRecord())]).head.seq).toBe(1);
  file.close();
  expect(recordsIn(path)).toMatchObject([{ id: 1, seq: 1, outcome: 'ok' }]);
});

test.each([
  ['UPDATE', "UPDATE mint_log SET outcome = 'sts_error' WHERE id = 1"],
  ['DELETE', 'DELETE FROM mint_log'],
  ['INSERT OR REPLACE by id', `INSERT OR REPLACE INTO mint_log SELECT * FROM mint_log WHERE id = 1`],
  [
    'INSERT OR REPLACE by the place in the chain',
    `INSERT OR REPLACE INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome, writer, seq)
     SELECT 1, '', '', '', 1, '', 'ok', writer, seq FROM mint_log WHERE id = 1`,
  ],
  [
    'an id below the last one',
    `INSERT INTO mint_log (id, minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome)
     VALUES (-7, 1, '', '', '', 1, '', 'ok')`,
  ],
  ['an upsert', "INSERT INTO mint_log SELECT * FROM mint_log WHERE id = 1 ON CONFLICT DO UPDATE SET outcome = 'x'"],
])('%s is refused, and the record stays', async (_, statement) => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  await auditLog.append(aVend());
  const before = recordsIn(path);
  expect(() => open(path).exec(statement)).toThrow(/append-only/);
  expect(recordsIn(path)).toEqual(before);
});

test('an old broker’s database is migrated in place: its records are as they were, sealed, and told from the new ones', async () => {
  const path = join(aFolder(), 'old.sqlite');
  const old = anOldDatabase(path, 2300);
  const { auditLog } = await anAuditLog(path);
  await auditLog.append(aVend());
  const records = recordsIn(path) as unknown as StoredRecord[];
  expect(records.slice(0, 2300)).toMatchObject(old);
  expect(new Set(records.slice(0, 2300).map(record => `${record.writer} ${record.via}`))).toEqual(
    new Set(['sealed null']),
  );
  const [seal, fresh] = records.slice(2300);
  expect(seal).toMatchObject({ id: 2301, via: 'audit', outcome: 'sealed', seq: 1 });
  expect(JSON.parse(seal?.outcome_detail ?? '')).toEqual({
    writer: 'sealed',
    last_seq: 2300,
    last_hash: records[2299]?.hash,
  });
  expect(fresh).toMatchObject({ id: 2302, via: 'endpoint', seq: 1 });
});

test('the old broker’s own INSERT still works on a migrated database', async () => {
  const { path } = await anAuditLog();
  open(path).exec(
    `INSERT INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome, outcome_detail)
     VALUES (1, '', 'unknown', 'r', 3600, 's', 'auth_failed', NULL)`,
  );
  expect(recordsIn(path)).toMatchObject([{ writer: null, count: 1 }]);
});

test('a second start continues the table with a chain of its own, and two processes may write at once', async () => {
  const { auditLog, path } = await anAuditLog();
  const second = await anAuditLog(path);
  await Promise.all([1, 2, 3].flatMap(() => [auditLog.append(aVend()), second.auditLog.append(aVend())]));
  const records = recordsIn(path) as unknown as StoredRecord[];
  const writers = [...new Set(records.map(record => record.writer))];
  expect(writers).toHaveLength(2);
  for (const writer of writers)
    expect(records.filter(record => record.writer === writer).map(record => record.seq)).toEqual([1, 2, 3]);
});

test('the database can be read and written by its owner alone', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  ['a folder that is not there', (folder: string) => join(folder, 'no', 'audit.sqlite'), /ENOENT/],
  [
    'a folder in its place',
    (folder: string) => {
      mkdirSync(join(folder, 'd'));
      return join(folder, 'd');
    },
    /is a folder/,
  ],
  [
    'a file that is no database',
    (folder: string) => {
      writeFileSync(join(folder, 'x'), 'something else\n'.repeat(100));
      return join(folder, 'x');
    },
    /not a database/,
  ],
  [
    'a mint_log that is another one',
    (folder: string) => {
      open(join(folder, 'x')).exec('CREATE TABLE mint_log (id INTEGER PRIMARY KEY)');
      return join(folder, 'x');
    },
    /without minted_at.*not an audit log/,
  ],
  [
    'a newer version’s database',
    (folder: string) => {
      open(join(folder, 'x')).exec(
        'CREATE TABLE mint_log_schema (version INTEGER); INSERT INTO mint_log_schema VALUES (99)',
      );
      return join(folder, 'x');
    },
    /newer walletcreds.*version 99/,
  ],
])('%s is an error at start that names the path', async (_, make, message) => {
  const path = make(aFolder());
  const { log } = aLog();
  const opening = createAuditLog({ kind: 'sqlite', path }, { clock: systemClock, log });
  await expect(opening).rejects.toThrow(path);
  await expect(opening).rejects.toThrow(message);
});

test('the heads are logged at close, and every minute in which something was written', async () => {
  const { auditLog, path, lines, clock } = await anAuditLog();
  const heads = () => lines.filter(line => String(line['msg']).startsWith('audit head'));
  await auditLog.append(aVend());
  await clock.advance(60_000);
  await clock.advance(60_000);
  const [record] = recordsIn(path);
  expect(heads()).toMatchObject([
    { writer: record?.['writer'], seq: 1, hash: record?.['hash'], at: '2026-01-01T00:00:00.000Z' },
  ]);
  await auditLog.append(aVend());
  await auditLog.close();
  expect(heads()).toMatchObject([{ seq: 1 }, { writer: record?.['writer'], seq: 2 }]);
});

test('close leaves one file with everything in it', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  await auditLog.close();
  expect(readdirSync(dirname(path))).toEqual(['audit.sqlite']);
  expect(recordsIn(path)).toHaveLength(1);
});

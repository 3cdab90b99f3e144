import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuditLog } from '../../src/audit/create-log.ts';
import { openToRead } from '../../src/audit/database.ts';
import { sqliteStore } from '../../src/audit/sqlite/store.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { aFolder, aLog, anAuditLog, aRejection, aSmallDisk, aVend, back, open, recordsIn } from './support.ts';

test('a disk that is full: no append resolves, and with space the audit log is back', async context => {
  const disk = aSmallDisk();
  if ('reason' in disk) return context.skip(disk.reason);
  const log = await anAuditLog(join(disk.folder, 'audit.sqlite'), { reserveBytes: 0 });
  const { auditLog, path, lines } = log;
  await auditLog.append(aVend({ accessKeyId: 'BEFORE' }));
  const filler = join(disk.folder, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(2 ** 21));
  } catch {
    // Full now: what could be written stays.
  }
  const acknowledged = ['BEFORE'];
  await expect(
    (async () => {
      for (let n = 0; n < 5000; n++) {
        await auditLog.append(aVend({ accessKeyId: `FILL${n}` }));
        acknowledged.push(`FILL${n}`);
      }
    })(),
  ).rejects.toThrow(AuditUnavailable);
  expect(auditLog.available).toBe(false);
  expect(auditLog.reason).toMatch(/full/);
  await expect(auditLog.append(aVend())).rejects.toThrow(/full/);
  rmSync(filler);
  await back(log);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  const records = recordsIn(path);
  expect(records.filter(record => record['via'] === 'endpoint').map(record => record['access_key_id'])).toEqual([
    ...acknowledged,
    'AFTER',
  ]);
  expect(records.filter(record => record['outcome'] === 'recovered')).toMatchObject([
    { outcome_detail: expect.stringMatching(/full/) },
  ]);
  expect(lines.map(line => line['code'])).toContain('SQLITE_FULL');
});

test('when little space is left failures are no longer recorded and records of vends go on', async context => {
  const disk = aSmallDisk();
  if ('reason' in disk) return context.skip(disk.reason);
  const { auditLog, path, lines } = await anAuditLog(join(disk.folder, 'audit.sqlite'));
  await auditLog.append(aVend());
  auditLog.recordFailure(aRejection());
  await auditLog.append(aVend());
  await auditLog.close();
  expect(recordsIn(path).map(record => record['outcome'])).toEqual(['ok', 'ok']);
  expect(lines.filter(line => line['level'] === 'error').map(line => line['msg'])).toEqual([
    expect.stringMatching(/failures are no longer recorded/),
    expect.stringMatching(/were lost/),
    expect.stringMatching(/were lost/),
  ]);
});

test('a database locked by another connection: refused as locked, and back when the lock is gone', async () => {
  const log = await anAuditLog();
  const { auditLog, path } = log;
  await auditLog.append(aVend());
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  await expect(auditLog.append(aVend())).rejects.toThrow(/locked/);
  expect(auditLog.reason).toMatch(/locked/);
  other.exec('COMMIT');
  await back(log);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  expect(recordsIn(path).at(-1)).toMatchObject({ access_key_id: 'AFTER' });
});

test("a database that is locked at start doesn't keep the process from starting; the audit log is there once the lock is gone", async () => {
  const path = join(aFolder(), 'audit.sqlite');
  const other = open(path);
  other.exec('CREATE TABLE x (y); BEGIN EXCLUSIVE');
  const log = await anAuditLog(path);
  expect(log.auditLog.available).toBe(false);
  other.exec('COMMIT');
  await back(log);
  await log.auditLog.append(aVend());
});

test('a folder that vanishes with everything in it: refused, and back with the folder', async () => {
  const folder = join(aFolder(), 'state');
  mkdirSync(folder);
  const log = await anAuditLog(join(folder, 'audit.sqlite'));
  const { auditLog, path } = log;
  await auditLog.append(aVend());
  rmSync(folder, { recursive: true });
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  expect(auditLog.reason).toMatch(/ENOENT/);
  mkdirSync(folder);
  await back(log);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  expect(recordsIn(path).at(-1)).toMatchObject({ access_key_id: 'AFTER' });
});

test('a folder that can not be written is an error at start that names the path', async () => {
  // Root writes everywhere but in the kernel's own tree.
  const root = process.getuid?.() === 0;
  const folder = root ? '/sys' : aFolder();
  if (!root) chmodSync(folder, 0o500);
  const { log } = aLog();
  const path = join(folder, 'audit.sqlite');
  await expect(createAuditLog({ kind: 'sqlite', path }, { clock: systemClock, log })).rejects.toThrow(
    /EACCES|EPERM|EROFS/,
  );
});

function aHangingAuditLog() {
  const path = join(aFolder(), 'audit.sqlite');
  const worker = new URL('./hanging-worker.mjs', import.meta.url);
  return anAuditLog(path, { store: sqliteStore(path, { worker }) });
}

test('a disk that hangs: the waiter learns after 0.5 s, the event loop goes on, and the audit log is back with the disk', async () => {
  const log = await aHangingAuditLog();
  const { auditLog, path, clock } = log;
  const refused = expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  // The clock moves while the write hangs, which it can't if the write holds the event loop.
  await clock.advance(500);
  await refused;
  expect(auditLog.available).toBe(false);
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  writeFileSync(`${path}.go`, '');
  await back(log);
  await auditLog.append(aVend());
});

test('a worker that dies: its records are refused, and another takes over', async () => {
  const log = await aHangingAuditLog();
  const { auditLog, path } = log;
  writeFileSync(`${path}.die`, '');
  await expect(auditLog.append(aVend())).rejects.toThrow(/worker ended: exit code 3/);
  expect(auditLog.available).toBe(false);
  rmSync(`${path}.die`);
  writeFileSync(`${path}.go`, '');
  await back(log);
  await auditLog.append(aVend());
});

test('after outages of every kind the chains are intact', async () => {
  const log = await anAuditLog();
  const { auditLog, path } = log;
  await auditLog.append(aVend());
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  await Promise.allSettled([1, 2, 3].map(() => auditLog.append(aVend())));
  other.exec('COMMIT');
  await back(log);
  await auditLog.append(aVend());
  await auditLog.close();
  const db = await openToRead({ kind: 'sqlite', path });
  expect(await verifyAuditLog(db)).toMatchObject({ intact: true, findings: [] });
  await db.close();
});

test('a log that is closed while its database is locked says how many failures are lost', async () => {
  const { auditLog, path, lines } = await anAuditLog();
  await auditLog.append(aVend());
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  for (let n = 0; n < 25; n++) auditLog.recordFailure(aRejection());
  await auditLog.close();
  other.exec('COMMIT');
  const lost = lines.filter(line => line['failures'] !== undefined && /were lost:/.test(String(line['msg'])));
  expect(lost).toMatchObject([{ failures: 25 }]);
});

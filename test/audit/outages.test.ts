import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuditLog } from '../../src/audit/create-log.ts';
import { openToRead } from '../../src/audit/database.ts';
import { sqliteStore } from '../../src/audit/sqlite/store.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { aFolder, aLog, anAuditLog, aRejection, aSmallDisk, aVend, back, open, rowsOf } from './support.ts';

test('a disk that is full: nothing is said to be written, and with space it goes on by itself', async context => {
  const disk = aSmallDisk();
  if ('reason' in disk) return context.skip(disk.reason);
  const { auditLog, path, lines } = await anAuditLog(join(disk.folder, 'audit.sqlite'), { reserveBytes: 0 });
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
  await back(auditLog);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  const rows = rowsOf(path);
  expect(rows.filter(row => row['via'] === 'endpoint').map(row => row['access_key_id'])).toEqual([
    ...acknowledged,
    'AFTER',
  ]);
  expect(rows.filter(row => row['outcome'] === 'recovered')).toMatchObject([
    { outcome_detail: expect.stringMatching(/full/) },
  ]);
  expect(lines.map(line => line['code'])).toContain('SQLITE_FULL');
});

test('when little space is left failure rows stop and rows of vends go on', async context => {
  const disk = aSmallDisk();
  if ('reason' in disk) return context.skip(disk.reason);
  const { auditLog, path, lines } = await anAuditLog(join(disk.folder, 'audit.sqlite'));
  await auditLog.append(aVend());
  auditLog.recordFailure(aRejection());
  await auditLog.append(aVend());
  await auditLog.close();
  expect(rowsOf(path).map(row => row['outcome'])).toEqual(['ok', 'ok']);
  expect(lines.filter(line => line['level'] === 'error').map(line => line['msg'])).toEqual([
    expect.stringMatching(/failure rows stop/),
    expect.stringMatching(/were lost/),
    expect.stringMatching(/were lost/),
  ]);
});

test('a database locked by another connection: refused within the half second, and back when the lock is gone', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  const begun = performance.now();
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  expect(performance.now() - begun).toBeLessThan(900);
  expect(auditLog.reason).toMatch(/locked|500 ms/);
  other.exec('COMMIT');
  await back(auditLog);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  expect(rowsOf(path).at(-1)).toMatchObject({ access_key_id: 'AFTER' });
});

test('a database that is locked at start keeps nobody from starting; the audit log comes when the lock is gone', async () => {
  const path = join(aFolder(), 'audit.sqlite');
  const other = open(path);
  other.exec('CREATE TABLE x (y); BEGIN EXCLUSIVE');
  const { auditLog } = await anAuditLog(path);
  expect(auditLog.available).toBe(false);
  other.exec('COMMIT');
  await back(auditLog);
  await auditLog.append(aVend());
});

test('a folder that vanishes with everything in it: refused, and back with the folder', async () => {
  const folder = join(aFolder(), 'state');
  mkdirSync(folder);
  const { auditLog, path } = await anAuditLog(join(folder, 'audit.sqlite'));
  await auditLog.append(aVend());
  rmSync(folder, { recursive: true });
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  expect(auditLog.reason).toMatch(/ENOENT/);
  mkdirSync(folder);
  await back(auditLog);
  await auditLog.append(aVend({ accessKeyId: 'AFTER' }));
  expect(rowsOf(path).at(-1)).toMatchObject({ access_key_id: 'AFTER' });
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

test('a disk that hangs: the waiter learns within 0.5 s, the event loop goes on, and it ends by itself', async () => {
  const { auditLog, path } = await aHangingAuditLog();
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const begun = performance.now();
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  const waited = performance.now() - begun;
  clearInterval(beat);
  expect(waited).toBeGreaterThan(450);
  expect(waited).toBeLessThan(5_000);
  // The hanging write holds the loop for no time at all; what is allowed for is a machine with other work.
  expect(longest).toBeLessThan(waited);
  expect(auditLog.available).toBe(false);
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  writeFileSync(`${path}.go`, '');
  await back(auditLog);
  await auditLog.append(aVend());
});

test('a worker that dies: its rows are refused, and another takes over', async () => {
  const { auditLog, path } = await aHangingAuditLog();
  writeFileSync(`${path}.die`, '');
  await expect(auditLog.append(aVend())).rejects.toThrow(/worker ended: exit code 3/);
  expect(auditLog.available).toBe(false);
  rmSync(`${path}.die`);
  writeFileSync(`${path}.go`, '');
  await back(auditLog);
  await auditLog.append(aVend());
});

test('after outages of every kind the chains are intact', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  const other = open(path);
  other.exec('BEGIN IMMEDIATE');
  await Promise.allSettled([1, 2, 3].map(() => auditLog.append(aVend())));
  other.exec('COMMIT');
  await back(auditLog);
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

/** The file at the path is the file that is written, whatever happens to it while it is open. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openToRead } from '../../src/audit/database.ts';
import type { AuditLog } from '../../src/audit/log.ts';
import { sqliteStore } from '../../src/audit/sqlite/store.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { aFolder, anAuditLog, aRecord, aSmallDisk, aVend, back, open, recordsIn } from './support.ts';

async function vend(auditLog: AuditLog, ...accessKeyIds: string[]) {
  for (const accessKeyId of accessKeyIds) await auditLog.append(aVend({ accessKeyId }));
}

const many = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}${n}`);
const keysIn = (path: string) => recordsIn(path, "via = 'endpoint'").map(record => record['access_key_id']);
const recovered = (path: string) => recordsIn(path, "outcome = 'recovered'").map(record => record['outcome_detail']);

/** Whether SQLite finds its file sound, and the chains intact. */
async function expectSound(path: string) {
  expect(open(path).prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  const db = await openToRead({ kind: 'sqlite', path });
  expect(await verifyAuditLog(db)).toMatchObject({ findings: [] });
  await db.close();
}

/** A log of 30 vends, closed, and a copy of it. */
async function aCopiedLog() {
  const path = join(aFolder(), 'audit.sqlite');
  const { auditLog } = await anAuditLog(path);
  await vend(auditLog, ...many('COPIED', 30));
  await auditLog.close();
  copyFileSync(path, `${path}.copy`);
  return { path, copy: `${path}.copy` };
}

describe('a file that changes while it is in use', () => {
  test.each([1, 2, 3, 4])('an older copy that is moved over it stays sound, and is written (try %i)', async () => {
    const { path, copy } = await aCopiedLog();
    const { auditLog, lines } = await anAuditLog(path);
    await vend(auditLog, ...many('LATER', 300));
    renameSync(copy, path);
    await vend(auditLog, ...many('AFTER', 20));
    await expectSound(path);
    expect(keysIn(path)).toEqual([...many('COPIED', 30), ...many('AFTER', 20)]);
    expect(recovered(path)).toEqual([expect.stringMatching(/last head.*"seq":300/)]);
    expect(lines.filter(line => line['level'] === 'error')).toMatchObject([
      { code: 'AuditReplaced', msg: expect.stringMatching(/was replaced/) },
    ]);
    await auditLog.close();
    await expectSound(path);
  });

  test('an older copy that is moved over it stays sound while somebody still reads the old file', async () => {
    const { path, copy } = await aCopiedLog();
    const { auditLog } = await anAuditLog(path);
    await vend(auditLog, ...many('LATER', 20));
    const reader = open(path);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM mint_log').all();
    await vend(auditLog, ...many('LATER', 20));
    renameSync(copy, path);
    await vend(auditLog, ...many('AFTER', 20));
    await expectSound(path);
    expect(keysIn(path)).toEqual([...many('COPIED', 30), ...many('AFTER', 20)]);
  });

  test('a copy with a write-ahead log of its own keeps that log', async () => {
    const { path } = await aCopiedLog();
    const { auditLog } = await anAuditLog(path);
    await vend(auditLog, 'LATER');
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${path}.snapshot${end}`);
    await vend(auditLog, ...many('LOST', 10));
    for (const end of ['-wal', '']) renameSync(`${path}.snapshot${end}`, `${path}${end}`);
    await vend(auditLog, 'AFTER');
    await expectSound(path);
    expect(keysIn(path)).toEqual([...many('COPIED', 30), 'LATER', 'AFTER']);
  });

  test('a file that is moved away is complete, and another one is begun', async () => {
    const { auditLog, path } = await anAuditLog();
    await vend(auditLog, ...many('BEFORE', 10));
    renameSync(path, `${path}.away`);
    await vend(auditLog, 'AFTER');
    expect(keysIn(path)).toEqual(['AFTER']);
    expect(keysIn(`${path}.away`)).toEqual(many('BEFORE', 10));
    expect(recovered(path)).toEqual([expect.stringMatching(/last head.*"seq":10/)]);
    expect(auditLog.available).toBe(true);
  });

  test('a file that is removed with its -wal and -shm is begun again', async () => {
    const { auditLog, path } = await anAuditLog();
    await vend(auditLog, 'BEFORE');
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`);
    await vend(auditLog, 'AFTER');
    expect(keysIn(path)).toEqual(['AFTER']);
    expect(recovered(path)).toHaveLength(1);
  });

  test('a write-ahead log that is removed loses no record, and the chain goes on', async () => {
    const { auditLog, path, lines } = await anAuditLog();
    await vend(auditLog, 'BEFORE');
    rmSync(`${path}-wal`);
    await vend(auditLog, 'BETWEEN', 'AFTER');
    expect(keysIn(path)).toEqual(['BEFORE', 'BETWEEN', 'AFTER']);
    expect(recordsIn(path).map(record => record['seq'])).toEqual([1, 2, 3]);
    expect(lines.filter(line => line['level'] === 'error')).toMatchObject([
      { msg: expect.stringMatching(/-wal was removed.*no record was lost/) },
    ]);
  });

  test.each([0, 30_000])(
    'a write-ahead log that is cut to %i bytes: what was lost is told, in the log and beside it',
    async size => {
      const { path } = await aCopiedLog();
      const { auditLog, lines } = await anAuditLog(path);
      await vend(auditLog, ...many('LATER', 40));
      truncateSync(`${path}-wal`, size);
      await vend(auditLog, ...many('AFTER', 20));
      await expectSound(path);
      expect(keysIn(path)).toEqual(expect.arrayContaining([...many('COPIED', 30), ...many('AFTER', 20)]));
      expect(recovered(path)).toEqual([expect.stringMatching(/last head.*"seq":40/)]);
      expect(lines).toContainEqual(expect.objectContaining({ msg: expect.stringMatching(/-wal was truncated/) }));
    },
  );

  test('a database that is cut withholds everything until it is moved away, and says how to fix it', async () => {
    const { path } = await aCopiedLog();
    const log = await anAuditLog(path);
    const { auditLog } = log;
    await vend(auditLog, 'LATER');
    truncateSync(path, 8192);
    await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
    expect(auditLog.reason).toMatch(/move it and its -wal away/);
    for (const end of ['', '-wal', '-shm'])
      if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${path}.damaged${end}`);
    await back(log);
    await vend(auditLog, 'AFTER');
    expect(keysIn(path)).toEqual(['AFTER']);
    await expectSound(path);
  });
});

/** What this process has open in a folder. */
function openIn(folder: string): string[] {
  const files = readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return files.filter(file => file.startsWith(folder));
}

test.skipIf(!existsSync('/proc/self/fd'))('a log that fails again and again holds no file open', async () => {
  const folder = aFolder();
  const path = join(folder, 'audit.sqlite');
  const store = sqliteStore(path);
  await store.write([aRecord()]);
  expect(openIn(folder).length).toBeGreaterThan(0);
  await store.close();
  writeFileSync(path, 'no database'.repeat(1000));
  for (let n = 0; n < 10; n++) await expect(store.write([aRecord()])).rejects.toThrow(/database/);
  await store.close();
  await vi.waitFor(() => expect(openIn(folder)).toEqual([]));
});

test('on a disk of 2 MiB a thousand commits fit, and after it was full the log goes on', async context => {
  const disk = aSmallDisk(2);
  if ('reason' in disk) return context.skip(disk.reason);
  const path = join(disk.folder, 'audit.sqlite');
  const log = await anAuditLog(path);
  const { auditLog } = log;
  await vend(auditLog, ...many('FIRST', 1000));
  expect(statSync(path).size + statSync(`${path}-wal`).size).toBeLessThan(1.9 * 2 ** 20);
  expect(() => execFileSync('dd', ['if=/dev/zero', `of=${disk.folder}/filler`], { stdio: 'ignore' })).toThrow();
  await expect(vend(auditLog, ...many('FILL', 1000))).rejects.toThrow(/full/);
  rmSync(join(disk.folder, 'filler'));
  await back(log);
  await vend(auditLog, ...many('AFTER', 100));
  expect(keysIn(path).slice(-100)).toEqual(many('AFTER', 100));
  await expectSound(path);
});

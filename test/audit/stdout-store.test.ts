import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hashOf } from '../../src/audit/chain.ts';
import type { StoredRecord } from '../../src/audit/columns.ts';
import { stdoutStore } from '../../src/audit/stdout.ts';
import { aFolder, anAuditLog, aRecord, aVend, back } from './support.ts';

function aDescriptor(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

test('a record is one JSON line with its chain, taken before append resolves', async () => {
  const path = join(aFolder(), 'out');
  const { auditLog } = await anAuditLog(undefined, { store: stdoutStore(aDescriptor(path, 'w')) });
  await auditLog.append(aVend());
  await Promise.all([auditLog.append(aVend()), auditLog.append(aVend())]);
  const records = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as StoredRecord & { type: string });
  expect(records).toMatchObject([1, 2, 3].map(seq => ({ type: 'mint_log', ...aRecord(), id: seq, seq })));
  for (const [n, { type: _, ...record }] of records.entries()) {
    expect(record.hash).toBe(hashOf(record));
    if (n > 0) expect(record.prev_hash).toBe(records[n - 1]?.hash);
  }
});

test('a device that takes nothing withholds the record, and the audit log says why', async () => {
  const { auditLog } = await anAuditLog(undefined, { store: stdoutStore(aDescriptor('/dev/full', 'w')) });
  await expect(auditLog.append(aVend())).rejects.toThrow(/ENOSPC/);
  expect(auditLog.available).toBe(false);
});

test('a pipe that nobody reads withholds the record within the half second and blocks nobody', async () => {
  const path = join(aFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = aDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const log = await anAuditLog(undefined, {
    store: stdoutStore(aDescriptor(path, constants.O_WRONLY | constants.O_NONBLOCK)),
  });
  const { auditLog, clock } = log;
  const waiting = Promise.allSettled(Array.from({ length: 300 }, () => auditLog.append(aVend())));
  await clock.advance(500);
  const results = await waiting;
  expect(results.map(result => result.status)).toContain('rejected');
  expect(auditLog.available).toBe(false);
  // Somebody reads again: the rest goes out, and the audit log is back.
  const buffer = Buffer.alloc(1 << 20);
  const timer = setInterval(() => {
    try {
      readSync(reader, buffer);
    } catch {
      // Nothing there yet.
    }
  }, 5);
  onTestFinished(() => clearInterval(timer));
  await back(log);
  await auditLog.append(aVend());
});

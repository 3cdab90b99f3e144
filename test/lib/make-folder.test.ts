import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from '../../src/lib/files/make-folder.ts';
import { because } from '../support/clients.ts';

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-folders-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('makes what is missing, with the mode that was asked for, and says whether it made it', () => {
  expect(makeFolder(join(folder, 'a/b/c'), 0o700)).toBe(true);
  for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700);
  chmodSync(join(folder, 'a'), 0o711);
  expect(makeFolder(join(folder, 'a'), 0o700)).toBe(false);
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o711);
  expect(makeFolder('/')).toBe(false);
});

test('throws where a file has the name, or stands in the way', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeFolder(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => makeFolder(join(folder, 'file/x/y'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

const missing = process.platform === 'linux' ? undefined : 'only Linux has a /proc';
test.skipIf(because(missing))('ends where a folder that is there takes none, as /proc does', () => {
  expect(() => makeFolder('/proc/walletcreds/x')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

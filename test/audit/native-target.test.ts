import { createRequire } from 'node:module';
import { afterEach, expect, test, vi } from 'vitest';
import { currentTarget } from '../../src/audit/sqlite/native-target.ts';

afterEach(() => vi.restoreAllMocks());

test('libsql’s native part is the one that libsql itself would choose, found without a diagnostic report', () => {
  const libsql = createRequire(createRequire(import.meta.url).resolve('libsql'));
  const chosen = (libsql('@neon-rs/load') as { currentTarget(): string }).currentTarget();
  const report = vi.spyOn(process.report, 'getReport').mockReturnValue({});
  expect(currentTarget()).toBe(chosen);
  expect(report).not.toHaveBeenCalled();
});

test.each([
  ['darwin', 'arm64', 'darwin-arm64'],
  ['darwin', 'x64', 'darwin-x64'],
  ['win32', 'x64', 'win32-x64-msvc'],
  ['linux', 'arm', 'linux-arm-gnueabihf'],
])('on %s and %s it is %s, which libsql has', (platform, arch, target) => {
  vi.spyOn(process, 'platform', 'get').mockReturnValue(platform as NodeJS.Platform);
  vi.spyOn(process, 'arch', 'get').mockReturnValue(arch as NodeJS.Architecture);
  expect(currentTarget()).toBe(target);
});

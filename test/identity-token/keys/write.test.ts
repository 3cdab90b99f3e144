import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../support.ts';

// The files of a suite share what they import.
afterEach(() => {
  vi.doUnmock('jose');
  vi.resetModules();
});

it('no new key has a kid that a command line would take for an option', async () => {
  const dir = join(temporaryFolder(), 'keys');
  const thumbprints = ['-abc', '-', 'a-bc'];
  vi.resetModules();
  vi.doMock('jose', async original => ({
    ...(await original<typeof import('jose')>()),
    calculateJwkThumbprint: async () => thumbprints.shift() ?? 'none',
  }));
  const { generateKey } = await import('../../../src/identity-token/keys/write.ts');
  expect((await generateKey(dir, { alg: 'ES256', purpose: 'oidc' })).kid).toBe('a-bc');
  expect(readdirSync(dir)).toEqual(['oidc-a-bc.json']);
});

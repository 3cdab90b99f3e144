import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { temporaryFolder } from './support.ts';

const thumbprints: string[] = [];
vi.mock('jose', async original => {
  const jose = await original<typeof import('jose')>();
  return { ...jose, calculateJwkThumbprint: async () => thumbprints.shift() ?? 'none' };
});
const { generateKey } = await import('../../src/identity-token/key-write.ts');

afterEach(() => thumbprints.splice(0));

it('no new key has a kid that a command line would take for an option', async () => {
  const dir = join(temporaryFolder(), 'keys');
  thumbprints.push('-abc', '-', 'a-bc');
  expect((await generateKey(dir, { alg: 'ES256', purpose: 'oidc' })).kid).toBe('a-bc');
  expect(readdirSync(dir)).toEqual(['oidc-a-bc.json']);
});

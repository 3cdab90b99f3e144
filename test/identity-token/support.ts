/**
 * Folders, key files and tokens for the tests of identity tokens.
 *
 * @module
 */

import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseWallet } from '../../src/workload/wallet.ts';
import { TAG, WALLET, workload } from '../support/workload.ts';

export const OTHER = parseWallet('0x8617e340b3d01fa5f11f306f4090fd50e238070d');
export const TAGS = 'https://aws.amazon.com/tags';
/** 2026-01-01, where the fake clock starts; ms. */
export const NOW = Date.UTC(2026, 0, 1);

/** A folder of mode 0700 that goes when the test ends. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'walletcreds-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function keysFolder(): string {
  const dir = join(temporaryFolder(), 'keys');
  mkdirSync(dir, { mode: 0o700 });
  return dir;
}

const pairs = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

export function pem(kind: 'ec' | 'rsa' = 'ec'): string {
  return pairs[kind].privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Writes a key file; `json` replaces members, undefined drops them. */
export function writeKey(dir: string, name: string, json: Record<string, unknown> = {}, mode = 0o600): string {
  const file = join(dir, name);
  writeFileSync(file, JSON.stringify({ kid: name, private_key_pem: pem(), purpose: 'oidc', ...json }), { mode });
  return file;
}

/** The claims of a good token for {@link workload}; `change` replaces members, undefined drops them. */
export function claims(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: 'https://oidc.example.com',
    sub: `agentkeys:agent:${WALLET}`,
    aud: 'sts.amazonaws.com',
    iat: NOW / 1000,
    exp: NOW / 1000 + 300,
    jti: 'a',
    [TAG]: WALLET,
    [TAGS]: { principal_tags: { [TAG]: [WALLET] }, transitive_tag_keys: [TAG] },
    ...change,
  };
}

/** A compact JWT with a signature that nobody made. Texts go in as they are, everything else as JSON. */
export function jwtOf(
  payload: unknown,
  header: unknown = { alg: 'ES256', kid: 'k' },
  signature = 'c2lnbmF0dXJl',
): string {
  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}

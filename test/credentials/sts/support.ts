/** What the tests of this floor and of vending exchange for. */

import { pino } from 'pino';
import type { StsConfig } from '../../../src/config/types.ts';
import type { IdentityToken } from '../../../src/identity-token/identity-token.ts';
import { parseRoleArn } from '../../../src/workload/role-arn.ts';
import { parseWallet } from '../../../src/workload/wallet.ts';
import { makeWorkload, type Workload } from '../../../src/workload/workload.ts';

export const silent = pino({ level: 'silent' });

export const WALLET = parseWallet('0x52908400098527886e0f7030069857d2e4169ee7');

export function workload(parts: Partial<Omit<Workload, 'id'>> = {}): Workload {
  return makeWorkload({
    name: 'scraper-a',
    wallet: WALLET,
    role: parseRoleArn('arn:aws:iam::123456789012:role/agentkeys-data-role'),
    sessionDuration: 3600,
    walletTag: 'agentkeys_user_wallet',
    tags: {},
    identityToken: { kind: 'file', path: '/nonexistent/token', audience: 'sts.amazonaws.com' },
    origin: 'configured',
    ...parts,
  });
}

/** Shaped like a JWT, so that a leak is found by its look as well as by its value. */
export const JWT = `eyJhbGciOiJFUzI1NiJ9${'a'.repeat(20)}.eyJzdWIiOiJjYW5hcnkifQ${'b'.repeat(20)}.${'c'.repeat(86)}`;

export function identityToken(parts: Partial<IdentityToken> = {}): IdentityToken {
  return {
    jwt: JWT,
    issuer: 'https://oidc.example.com',
    subject: `agentkeys:agent:${WALLET}`,
    audience: 'sts.amazonaws.com',
    expiresAt: Math.floor(Date.now() / 1000) + 300,
    keyId: 'k1',
    tagged: true,
    ...parts,
  };
}

export function stsConfig(endpoint: string, parts: Partial<StsConfig> = {}): StsConfig {
  return { endpoint, endpointSource: 'sts.endpoint', timeoutMs: 2_000, allowInsecureHttp: false, ...parts };
}

/**
 * Values for the tests of vending and of the exchange.
 *
 * @module
 */
import { pino } from 'pino';
import { expect } from 'vitest';
import type { StsConfig } from '../../../src/config/types.ts';
import type { IdentityToken } from '../../../src/identity-token/identity-token.ts';
import { StsRefused, StsUnavailable } from '../../../src/lib/errors.ts';
import { WALLET } from '../../support/workload.ts';

export const silent = pino({ level: 'silent' });

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

/** The error that a call ends with; a test that gets credentials instead fails here. */
export async function failureOf(call: Promise<unknown>): Promise<StsRefused | StsUnavailable> {
  const outcome = await call.then(
    () => new Error('credentials were given'),
    (error: unknown) => error,
  );
  if (!(outcome instanceof StsRefused) && !(outcome instanceof StsUnavailable)) throw outcome;
  expect(outcome.message).not.toContain(JWT);
  expect(JSON.stringify(outcome)).not.toContain(JWT);
  return outcome;
}

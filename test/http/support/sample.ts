/**
 * Values that the HTTP tests share: workloads, credentials, a vending that responds from a table.
 *
 * @module
 */
import { pino } from 'pino';
import type { Authenticator } from '../../../src/auth/authenticator.ts';
import { StaticTokens, type TokenEntry } from '../../../src/auth/static-tokens.ts';
import { credentialsBody } from '../../../src/credentials/body.ts';
import type { Credentials } from '../../../src/credentials/credentials.ts';
import type { Vended, Vending, WorkloadStatus } from '../../../src/credentials/vending.ts';
import { createEndpoint, type Endpoint, type EndpointOptions } from '../../../src/http/endpoint/index.ts';
import { functionHandler } from '../../../src/http/node-adapter.ts';
import { webResponse } from '../../../src/http/response.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { InvalidAuthorizationToken } from '../../../src/lib/errors.ts';
import { createMetrics } from '../../../src/lib/metrics.ts';
import { allSteps } from '../../support/steps.ts';
import { walletOf, workload } from '../../support/workload.ts';

export const tokenOf = (name: string) => `token-of-${name}-`.padEnd(40, 'abcdefghij');

export function credentials(more: Partial<Credentials> = {}): Credentials {
  return {
    accessKeyId: 'ASIAEXAMPLEEXAMPLE00',
    secretAccessKey: 'secret/of+forty+characters+of+base64+aaaa',
    sessionToken: 'session-token-'.padEnd(600, 'x'),
    expiration: Date.UTC(2026, 0, 1, 1, 2, 3, 999),
    roleArn: 'arn:aws:iam::123456789012:role/data',
    accountId: '123456789012',
    sessionName: 'session',
    requestId: 'request',
    receivedAt: Date.UTC(2026, 0, 1, 0, 2, 3, 456),
    askedMonotonic: 0,
    stsDate: Date.UTC(2026, 0, 1, 0, 2, 3),
    ...more,
  };
}

/** Credentials whose access key names the workload, so that a mix-up shows. */
export const credentialsOf = (name: string) => credentials({ accessKeyId: `ASIA${name.toUpperCase()}` });

/** What vending answers with these credentials. */
export function vendedOf(of: Credentials, source: Vended['source'] = 'fetched'): Vended {
  return { credentials: of, body: credentialsBody(of), source };
}

export function fakeVending(vend: Vending['vend'], status: readonly WorkloadStatus[] = []): Vending {
  return {
    vend,
    mint: () => Promise.reject(new Error('not here')),
    reconcile() {},
    status: () => status,
    close: () => Promise.resolve(),
  };
}

export function authenticatorOf(tokens: Pick<StaticTokens, 'find'>): Authenticator {
  return {
    authenticate(authorization) {
      const caller = tokens.find(authorization);
      if (caller === undefined) throw new InvalidAuthorizationToken('no known token');
      return caller;
    },
  };
}

/** A log whose lines are kept. */
export function keptLog() {
  const lines: string[] = [];
  return { lines, log: pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(line) }) };
}

/** Calls the endpoint's function as a validated request does. */
export async function get(
  endpoint: Endpoint,
  path: string,
  authorization?: string,
  remoteAddress = '127.0.0.1',
): Promise<Response> {
  return webResponse(await endpoint({ path, authorization, remoteAddress, authenticated() {} }));
}

/** An endpoint for the workloads `alpha` and `beta`, with `alpha` under `/v2` as well, vending from memory. */
export function sampleEndpoint(more: Partial<EndpointOptions> & { clock?: Clock } = {}) {
  const clock = more.clock ?? systemClock;
  const alpha = workload({ name: 'alpha', wallet: walletOf('1') });
  const beta = workload({ name: 'beta', wallet: walletOf('2') });
  const entries: TokenEntry[] = [alpha, beta].map(w => ({ value: tokenOf(w.name), workload: w }));
  const tokens = allSteps(StaticTokens.build('token', entries, { clock, overlapMs: 0 }));
  const from = (address: string | undefined) => address?.startsWith('127.') === true;
  const ids = allSteps(
    StaticTokens.build('relative', [{ value: RELATIVE_ID, workload: alpha, from }], { clock, overlapMs: 0 }),
  );
  const cached = new Map([alpha, beta].map(w => [w.id, vendedOf(credentialsOf(w.name), 'cached')]));
  const vending = fakeVending(caller => {
    const found = cached.get(caller.workload.id);
    if (found === undefined) throw new Error('no such identity');
    return found;
  });
  const { log, lines } = keptLog();
  const metrics = createMetrics();
  const endpoint = createEndpoint({
    authenticator: authenticatorOf(tokens),
    relative: (id, address) => ids.find(id, address),
    vending,
    clock,
    log,
    metrics,
    ...more,
  });
  return { endpoint, handler: functionHandler(endpoint), alpha, beta, tokens, ids, log, lines, metrics };
}

export const RELATIVE_ID = 'relative-id-'.padEnd(64, '0123456789');

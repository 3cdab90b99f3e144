/**
 * Credentials once, for a command: by an exchange of its own, which is audited, or from a running `serve`.
 *
 * @module
 */

import { setTimeout } from 'node:timers/promises';
import type { Config, WorkloadConfig } from '../config/types.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { AuditUnavailable, RelayedError, UsageError } from '../lib/errors.ts';
import { request } from '../lib/http-client.ts';
import { membersOf } from '../lib/json.ts';
import type { Logger } from '../lib/log.ts';
import { masked } from '../lib/text/masked.ts';

/** How often is asked again after "not now", with a second in between. */
const TRIES = 5;
const RETRY_AFTER_MS = 1_000;

/** The running `serve` refused, or said what can't be understood. */
export class EndpointRefused extends RelayedError {
  readonly kind = 'EndpointRefused';
}

/** @throws what the exchange throws */
export async function exchangeOnce(
  config: Config,
  { workload }: WorkloadConfig,
  via: 'exec' | 'credentials',
  log: Logger,
  wait: (ms: number) => Promise<void> = setTimeout,
): Promise<Credentials> {
  // No client calls here, so no issuer's keys are fetched, no backend is asked, and nothing is prefetched.
  const quiet: Config = {
    ...config,
    callers: { jwt: [] },
    workloads: new Map([...config.workloads].map(([name, w]) => [name, { ...w, prefetch: false }])),
  };
  const { createSidecar } = await import('../server/sidecar.ts');
  const sidecar = await createSidecar(quiet, { log, listeners: [] });
  try {
    const mint = () => sidecar.vending.mint({ workload, kind: 'local', tokenHash: '' }, via);
    for (let tries = 1; tries < TRIES; tries++) {
      try {
        return await mint();
      } catch (error) {
        // Another process writes to the same audit log.
        if (!(error instanceof AuditUnavailable)) throw error;
        await wait(RETRY_AFTER_MS);
      }
    }
    return await mint();
  } finally {
    await sidecar.close();
  }
}

/** Where a running endpoint is asked, and with which token. @throws UsageError where the workload has no token */
export function endpointOf(url: string, { token, workload }: WorkloadConfig): { url: string; token: string } {
  if (token === undefined) {
    throw new UsageError(`workloads.${workload.name}: it has no token_file or token_env to show at ${url}`);
  }
  return { url: new URL('/v1/credentials', url).href, token: token.value };
}

/** Asks a running endpoint as an SDK would. @throws EndpointRefused, UsageError, OutboundError */
export async function askEndpoint(
  url: string,
  found: WorkloadConfig,
  wait: (ms: number) => Promise<void> = setTimeout,
): Promise<Credentials> {
  const endpoint = endpointOf(url, found);
  const ask = () =>
    request({
      url: endpoint.url,
      headers: { authorization: endpoint.token },
      timeoutMs: 5_000,
      maxBytes: 64 * 1024,
    });
  let answer = await ask();
  for (let tries = 1; answer.status === 503 && tries < TRIES; tries++) {
    await wait(RETRY_AFTER_MS);
    answer = await ask();
  }
  const body = membersOf(answer.body);
  if (answer.status !== 200) {
    const code = plain(body['code'] ?? answer.status);
    throw new EndpointRefused(code, `${url} answered ${answer.status}: ${plain(body['message'] ?? '')}`);
  }
  const text = (key: string): string => {
    const value = body[key];
    if (typeof value !== 'string' || value === '')
      throw new EndpointRefused('BadAnswer', `${url} answered without ${key}`);
    return value;
  };
  const expiration = Date.parse(text('Expiration'));
  return {
    accessKeyId: text('AccessKeyId'),
    secretAccessKey: text('SecretAccessKey'),
    sessionToken: text('Token'),
    expiration,
    roleArn: text('RoleArn'),
    accountId: typeof body['AccountId'] === 'string' ? body['AccountId'] : '',
    sessionName: '',
    requestId: undefined,
    receivedAt: Date.now(),
    askedMonotonic: performance.now(),
    stsDate: Date.now(),
  };
}

/** Another program's text as part of one line, without characters that move a terminal's cursor. */
function plain(said: unknown): string {
  return masked(String(said)).replaceAll('\n', ' ');
}

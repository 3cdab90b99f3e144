/**
 * Credentials once, for a command: by an exchange of its own, which is audited, or from a running `serve`.
 *
 * @module
 */

import { setTimeout } from 'node:timers/promises';
import type { Config, WorkloadConfig } from '../config/types.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { RelayedError, UsageError } from '../lib/errors.ts';
import { request } from '../lib/http-client.ts';
import { membersOf } from '../lib/json.ts';
import type { Logger } from '../lib/log.ts';
import { masked } from '../lib/text/masked.ts';
import { createSidecar } from '../server/sidecar.ts';

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
): Promise<Credentials> {
  // Nobody calls here: no issuer's keys are fetched, no backend is looked at, nothing is prefetched.
  const quiet: Config = {
    ...config,
    callers: { jwt: [] },
    workloads: new Map([...config.workloads].map(([name, w]) => [name, { ...w, prefetch: false }])),
  };
  const sidecar = await createSidecar(quiet, { log, listeners: [] });
  try {
    return await sidecar.vending.mint({ workload, kind: 'local', tokenHash: '' }, via);
  } finally {
    await sidecar.close();
  }
}

/** The variables that point a program at a running endpoint. @throws UsageError where the workload has no token */
export function endpointEnv(url: string, { token, workload }: WorkloadConfig): Record<string, string> {
  if (token === undefined) {
    throw new UsageError(`workloads.${workload.name}: it has no token_file or token_env to show at ${url}`);
  }
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: new URL('/v1/credentials', url).href,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token.value,
  };
}

/** How often a running endpoint is asked that says "not now", with its `Retry-After` of a second in between. */
const TRIES = 5;
const RETRY_AFTER_MS = 1_000;

/** Asks a running endpoint as an SDK would. @throws EndpointRefused, UsageError, OutboundError */
export async function askEndpoint(
  url: string,
  found: WorkloadConfig,
  wait: (ms: number) => Promise<void> = setTimeout,
): Promise<Credentials> {
  const variables = endpointEnv(url, found);
  const ask = () =>
    request({
      url: variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '',
      method: 'GET',
      headers: { authorization: variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '' },
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
    receivedMonotonic: performance.now(),
    stsDate: Date.now(),
  };
}

/** What another program said, as part of a line: nothing in it moves a terminal's cursor or begins a line of its own. */
function plain(said: unknown): string {
  return masked(String(said)).replaceAll('\n', ' ');
}

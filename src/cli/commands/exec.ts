/**
 * `walletcreds exec WORKLOAD -- CMD…`: which credentials the program gets, and how.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { Config, WorkloadConfig } from '../../config/types.ts';
import { systemClock } from '../../lib/clock.ts';
import { UsageError } from '../../lib/errors.ts';
import { createSidecar } from '../../server/sidecar.ts';
import { firstCredentials } from '../first-credentials.ts';
import type { Io } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, endpointEnv, exchangeOnce } from '../once.ts';
import { staticEnv } from '../output/credentials-format.ts';
import { runChild } from '../run-child.ts';
import { workloadOf } from '../workload-of.ts';

/** How long a program waits for its first credentials before it is given up. */
const PATIENCE_MS = 30_000;

export interface ExecFlags {
  readonly config: string;
  readonly endpoint?: string;
  readonly staticEnv?: boolean;
}

/** @returns the program's own exit status */
export async function exec(name: string, command: readonly string[], flags: ExecFlags, io: Io): Promise<number> {
  if (command.length === 0) throw new UsageError('exec: no program was given; write it after --');
  const needs = flags.endpoint === undefined ? 'exchange' : 'endpoint';
  const { config, found } = await workloadOf(name, flags.config, io.env, needs);
  const place = {
    AWS_REGION: config.region,
    AWS_DEFAULT_REGION: config.region,
    // Credentials of an STS of one's own mean nothing to AWS's.
    ...(config.sts.endpointSource === 'region' ? {} : { AWS_ENDPOINT_URL_STS: config.sts.endpoint }),
  };
  const run = (added: Record<string, string>) =>
    runChild({ command, env: io.env, added: { ...place, ...added } }, io.warn);
  const log = await cliLogger(io.env, 'warn');

  if (flags.staticEnv === true) {
    io.warn('walletcreds: --static-env: these credentials end with their session; the program can’t renew them');
    const credentials =
      flags.endpoint === undefined
        ? await exchangeOnce(config, found, 'exec', log)
        : await askEndpoint(flags.endpoint, found);
    return run(staticEnv(credentials));
  }
  if (flags.endpoint !== undefined) return run(endpointEnv(flags.endpoint, found));

  const token = randomBytes(32).toString('hex');
  const sidecar = await createSidecar(alone(config, found, token), { log, listeners: ['endpoint'] });
  try {
    await firstCredentials(sidecar.status, { clock: systemClock, patienceMs: PATIENCE_MS });
    return await run({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${sidecar.endpoint?.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    });
  } finally {
    await sidecar.close();
  }
}

/** The configuration for one program: this workload alone, on an ephemeral port, known by a token made for it. */
function alone(config: Config, found: WorkloadConfig, token: string): Config {
  const { relativeUri: _relative, bearer: _bearer, ...rest } = found;
  const { tls: _tls, ...endpoint } = config.endpoint;
  return {
    ...config,
    workloads: new Map([[found.workload.name, { ...rest, token: { value: token }, prefetch: true }]]),
    endpoint: { ...endpoint, listen: [{ host: '127.0.0.1', port: 0 }], allowFrom: [] },
    callers: { jwt: [] },
  };
}

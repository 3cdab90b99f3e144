/**
 * `walletcreds exec WORKLOAD -- CMD…`: runs a program with its own endpoint, or with static credentials.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { Config, WorkloadConfig } from '../../config/types.ts';
import { systemClock } from '../../lib/clock.ts';
import { UsageError } from '../../lib/errors.ts';
import { createSidecar } from '../../server/sidecar.ts';
import { firstCredentials } from '../first-credentials.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, endpointEnv, exchangeOnce } from '../once.ts';
import { configOption, endpointOption, withExamples } from '../options.ts';
import { staticEnv } from '../output/credentials-format.ts';
import { runChild } from '../run-child.ts';
import { workloadOf } from '../workload-of.ts';

/** How long `exec` waits for the first credentials before it gives up. */
const FIRST_CREDENTIALS_MS = 30_000;

interface ExecFlags {
  readonly config: string;
  readonly endpoint?: string;
  readonly staticEnv?: boolean;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'clients.md', 'walletcreds exec scraper-a -- aws s3 ls s3://my-bucket/')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .argument('<CMD...>', 'the program and its arguments')
    .usage('[options] WORKLOAD -- CMD...')
    .description(
      'Runs CMD with the AWS_CONTAINER_* variables of its own endpoint. Other AWS credential variables are removed. It passes signals on, and exits as CMD does.',
    )
    .addOption(configOption())
    .option('--static-env', 'set AWS_ACCESS_KEY_ID and so on once, for programs that know nothing else')
    .addOption(endpointOption())
    .action(run((workload: string, program: string[], flags: ExecFlags) => exec(workload, program, flags, io)));
}

/** @returns the program's own exit status */
async function exec(name: string, command: readonly string[], flags: ExecFlags, io: Io): Promise<number> {
  if (command.length === 0) throw new UsageError('exec: no program was given; write it after --');
  const needs = flags.endpoint === undefined ? 'exchange' : 'endpoint';
  const { config, found } = await workloadOf(name, flags.config, io.env, needs);
  const region = {
    AWS_REGION: config.region,
    AWS_DEFAULT_REGION: config.region,
    // AWS's STS doesn't know credentials of another STS.
    ...(config.sts.endpointSource === 'region' ? {} : { AWS_ENDPOINT_URL_STS: config.sts.endpoint }),
  };
  const run = (added: Record<string, string>) =>
    runChild({ command, env: io.env, added: { ...region, ...added } }, io.warn);
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
    await firstCredentials(sidecar.status, { clock: systemClock, patienceMs: FIRST_CREDENTIALS_MS });
    return await run({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${sidecar.endpoint?.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    });
  } finally {
    await sidecar.close();
  }
}

/** The configuration for one program: this workload alone, on an ephemeral port, with a token of its own. */
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

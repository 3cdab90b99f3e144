/**
 * `walletcreds exec WORKLOAD -- CMD…`: runs a program with its own endpoint, or with static credentials.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import type { Config, WorkloadConfig } from '../../config/types.ts';
import { systemClock } from '../../lib/clock.ts';
import { UsageError } from '../../lib/errors.ts';
import { createSidecar } from '../../server/sidecar.ts';
import { firstCredentials } from '../first-credentials.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, endpointOf, exchangeOnce } from '../once.ts';
import { configOption, endpointOption, withExamples } from '../options.ts';
import { variablesFor, walletVariable } from '../output/container-environment.ts';
import { staticEnv } from '../output/credentials-format.ts';
import { type PrivateToken, writePrivateToken } from '../private-token.ts';
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
      'Runs CMD with the AWS_CONTAINER_* variables of its own endpoint; it exits as CMD does. It removes other AWS credential variables, hides ~/.aws and the metadata service, and adds the endpoint to NO_PROXY if there is a proxy. AWS_REGION, AWS_DEFAULT_REGION and AWS_CONFIG_FILE stay as you set them.',
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
  warnOfProfiles(io);
  const shared = sharedVariables(config, found, io.env);
  const run = (added: Record<string, string>) =>
    runChild({ command, env: io.env, added: { ...added, ...regionsOf(io.env, config.region) } }, io.warn);
  const log = await cliLogger(io.env, 'warn');

  if (flags.staticEnv === true) {
    io.warn('walletcreds: --static-env: these credentials end with their session; the program can’t renew them');
    const credentials =
      flags.endpoint === undefined
        ? await exchangeOnce(config, found, 'exec', log)
        : await askEndpoint(flags.endpoint, found);
    const { stsEndpoint, wallet } = shared;
    return run({
      [walletVariable(wallet.tag)]: wallet.value,
      // AWS's STS doesn't know credentials of another STS.
      ...(stsEndpoint === undefined ? {} : { AWS_ENDPOINT_URL_STS: stsEndpoint }),
      ...staticEnv(credentials),
    });
  }
  const withToken = async (fullUri: string, token: string) => {
    const written = privateToken(token, io);
    try {
      return await run(variablesFor({ ...shared, fullUri, token, ...(written && { tokenFile: written.file }) }));
    } finally {
      written?.remove();
    }
  };
  if (flags.endpoint !== undefined) {
    const { url, token } = endpointOf(flags.endpoint, found);
    return withToken(url, token);
  }
  const token = randomBytes(32).toString('hex');
  const sidecar = await createSidecar(alone(config, found, token), { log, listeners: ['endpoint'] });
  try {
    await firstCredentials(sidecar.status, { clock: systemClock, timeoutMs: FIRST_CREDENTIALS_MS });
    return await withToken(`${sidecar.endpoint?.url}/v1/credentials`, token);
  } finally {
    await sidecar.close();
  }
}

/** Most clients take the variable as well, so a system without a folder for temporary files is only a warning. */
function privateToken(token: string, io: Io): PrivateToken | undefined {
  try {
    return writePrivateToken(token);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    io.warn(
      `walletcreds: the token is set as a variable only, since no file can be written in ${tmpdir()} (${code}); set TMPDIR to a folder of your own`,
    );
    return undefined;
  }
}

/** Those that caller, region and workload decide, and the endpoint does not. */
function sharedVariables({ region, sts, walletTag }: Config, { workload }: WorkloadConfig, env: NodeJS.ProcessEnv) {
  return {
    region,
    wallet: { tag: walletTag, value: workload.wallet },
    env,
    ...(sts.endpointSource === 'region' ? {} : { stsEndpoint: sts.endpoint }),
  };
}

/** A region that the caller chose is kept, in both names: some clients read one, some the other. */
function regionsOf(env: NodeJS.ProcessEnv, region: string): Record<string, string> {
  const chosen = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || region;
  return { AWS_REGION: chosen, AWS_DEFAULT_REGION: env['AWS_DEFAULT_REGION'] || chosen };
}

/** Settings of a profile that name credentials. */
const PROFILE_CREDENTIALS =
  /^[ \t]*(aws_access_key_id|credential_process|credential_source|role_arn|source_profile|sso_\w+|web_identity_token_file|login_session)[ \t]*=/m;

/** A configuration file of the caller's is kept, and its default profile comes before the endpoint. */
function warnOfProfiles({ env, warn }: Io): void {
  const file = env['AWS_CONFIG_FILE'];
  if (!file) return;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // The program reports a file that it can't read.
    return;
  }
  const setting = PROFILE_CREDENTIALS.exec(text)?.[1];
  if (setting === undefined) return;
  warn(
    `walletcreds: AWS_CONFIG_FILE ${file} has ${setting}; in the default profile it comes before the endpoint. Unset AWS_CONFIG_FILE, or remove that line.`,
  );
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

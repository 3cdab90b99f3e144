/**
 * `walletcreds dev`: the whole chain on this machine with no AWS account. An issuer, an STS and an S3, and the same sidecar
 * that `serve` runs in front of them.
 *
 * Everything is on loopback, in the account 000000000000, signed with a key of purpose `dev`, which `serve` refuses.
 * No AWS configuration is read. A `walletcreds.yaml` in the state folder lets the other commands work with it.
 *
 * @module
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { configFromObject } from '../../../config/load.ts';
import type { Config } from '../../../config/types.ts';
import { generateKey } from '../../../identity-token/keys/index.ts';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { UsageError, WalletcredsError } from '../../../lib/errors.ts';
import { makeFolder } from '../../../lib/files/make-folder.ts';
import { replaceFile } from '../../../lib/files/replace-file.ts';
import type { Logger } from '../../../lib/log.ts';
import { createSidecar, type Sidecar } from '../../../server/sidecar.ts';
import { variablesFor } from '../../output/container-environment.ts';
import { checkEnvFile, clearEnvFile, writeEnvFile } from '../../output/env-file.ts';
import { type DevAccount, startDevAccount } from './account.ts';
import { devText } from './text.ts';
import type { DevWorkload } from './workloads.ts';

export const DEV_ROLE = 'arn:aws:iam::000000000000:role/walletcreds-dev';
/** The file says itself that it isn't for `serve`, and that changing it is in vain. */
const CONFIG_HEAD = '# Written by `walletcreds dev` at each start, for the other commands: --config FILE.\n';
const HOST = '127.0.0.1';
const REGION = 'us-east-1';

export interface DevOptions {
  /** At least one; the first one's variables are printed. */
  readonly workloads: readonly DevWorkload[];
  /** The endpoint's; the next three are the issuer's and STS's, admin's, and S3's. */
  readonly port: number;
  /** JSON text of a policy for the role, instead of the printed ones; the bucket has none then. */
  readonly policy?: string | undefined;
  /** Written once ready; the others' beside it as `FILE.<name>`. */
  readonly writeEnv?: string | undefined;
  /** Signing key, tokens, variables, configuration and audit log; made if it isn't there, used again by the next start. */
  readonly stateDir: string;
  /** Group that may read the token files (0640): for a container under another uid. Default: their owner alone. */
  readonly tokenGroup?: number | undefined;
  readonly out: (line: string) => void;
  readonly log: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** A port is taken; one line, exit status 1. */
export class DevPortTaken extends WalletcredsError {
  readonly kind = 'DevPortTaken';
}

/**
 * Runs until the signal; prints the variables once credentials are there.
 *
 * @throws UsageError, DevPortTaken
 */
export async function dev(options: DevOptions): Promise<void> {
  const { port, signal, log, clock = systemClock, out } = options;
  if (!Number.isInteger(port) || port < 1 || port > 65_532) {
    throw new UsageError(`--port ${port}: it and the three after it are used, so 1 to 65532`);
  }
  if (options.stateDir === '') throw new UsageError('--state-dir is empty; name a folder of its own');
  const stateDir = resolve(options.stateDir);
  const envFiles = envFilesOf(options, stateDir);
  if (options.writeEnv !== undefined) checkEnvFile(resolve(options.writeEnv), '--write-env');
  const keysDir = join(stateDir, 'keys');
  await requireKey(keysDir);
  const written = devConfiguration(options, stateDir, keysDir);
  // Nothing of the environment: its AWS_ENDPOINT_URL_STS must not lead the tokens elsewhere.
  const config = await configFromObject(written, { dev: true, env: {}, baseDir: stateDir });
  let account: DevAccount | undefined;
  let sidecar: Sidecar | undefined;
  try {
    const { policy } = options;
    account = await startDevAccount({
      host: HOST,
      port: port + 1,
      keysDir,
      role: DEV_ROLE,
      config,
      policy,
      clock,
      log,
    });
    sidecar = await createSidecar(config, { log, clock });
    // Only now that the ports are ours: until then these may be another one's that is running.
    for (const file of [...envFiles.values()].flat()) clearEnvFile(file);
    const configFile = join(stateDir, 'walletcreds.yaml');
    await replaceFile(configFile, `${CONFIG_HEAD}${stringify(written)}`, 0o600);
    await sidecar.ready({ signal });
    const told = variablesOf(config, port, account.s3Url);
    // The first workload's file comes last: once --write-env is there, the others' are too.
    for (const [name, files] of [...envFiles].reverse())
      for (const file of files) await writeEnvFile(file, told.get(name) ?? {});
    for (const line of devText({ config, configFile, port, s3Url: account.s3Url, variables: told, envFiles }))
      out(line);
    await aborted(signal);
  } catch (error) {
    if (!signal.aborted) throw portTaken(error, port) ?? error;
  } finally {
    await sidecar?.close(4_500);
    await account?.close();
  }
}

/** A folder of its own under the state folder, so that a name can't collide with anything else there. */
function envFilesOf({ workloads, writeEnv }: DevOptions, stateDir: string): Map<string, string[]> {
  try {
    const own = makeFolder(stateDir, 0o700) || readdirSync(stateDir).length === 0;
    makeFolder(join(stateDir, 'env'), 0o700);
    // Whatever repository this lies in: a key and tokens are not for it. A folder with other things in it isn't ours to hide.
    if (own) writeFileSync(join(stateDir, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new UsageError(`--state-dir ${stateDir} can't be written (${code}); name a folder of your own`);
  }
  return new Map(
    workloads.map(({ name }, i) => {
      const own = join(stateDir, 'env', `${name}.env`);
      if (writeEnv === undefined) return [name, [own]];
      return [name, [own, i === 0 ? resolve(writeEnv) : `${resolve(writeEnv)}.${name}`]];
    }),
  );
}

async function requireKey(keysDir: string): Promise<void> {
  makeFolder(keysDir, 0o700);
  if (!readdirSync(keysDir).some(name => name.endsWith('.json'))) {
    await generateKey(keysDir, { alg: 'ES256', purpose: 'dev' });
  }
}

/** The content of `walletcreds.yaml`. */
function devConfiguration(options: DevOptions, stateDir: string, keysDir: string): Record<string, unknown> {
  const { workloads, port, tokenGroup } = options;
  const shared = tokenGroup === undefined ? {} : { token_mode: '0640', token_group: tokenGroup };
  const literal = (path: string) => path.replaceAll('${', '$${');
  const url = `http://${HOST}:${port + 1}`;
  return {
    dev: true,
    region: REGION,
    role_arn: DEV_ROLE,
    state_dir: literal(stateDir),
    endpoint: { listen: [`${HOST}:${port}`] },
    identity_token: { signer: { issuer: url, keys_dir: literal(keysDir), audience: 'sts.amazonaws.com' } },
    workloads: Object.fromEntries(
      workloads.map(({ name, wallet }) => [name, { wallet, token_file: `tokens/${name}`, ...shared, prefetch: true }]),
    ),
    sts: { endpoint: url },
    admin: { listen: `${HOST}:${port + 2}` },
  };
}

function variablesOf(config: Config, port: number, s3Endpoint: string): Map<string, Record<string, string>> {
  return new Map(
    [...config.workloads].map(([name, { token, workload }]) => [
      name,
      variablesFor({
        fullUri: `http://${HOST}:${port}/v1/credentials`,
        ...(token === undefined ? {} : { token: token.value }),
        region: config.region,
        wallet: { tag: config.walletTag, value: workload.wallet },
        stsEndpoint: config.sts.endpoint,
        s3Endpoint,
      }),
    ]),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(done => signal.addEventListener('abort', () => done(), { once: true }));
}

/** The listener's error, however deep it lies, as one line with the flag that fixes it. */
function portTaken(error: unknown, port: number): DevPortTaken | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, port: taken } = cause as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE' && code !== 'EACCES') continue;
    const why = code === 'EADDRINUSE' ? 'is in use by another program' : 'may not be opened by this user';
    const what = ['endpoint', 'issuer and STS', 'admin', 'S3'][(taken ?? port) - port] ?? 'endpoint';
    return new DevPortTaken(`port ${taken ?? port} (${what}) ${why}; choose four free ones in a row with --port N`, {
      cause,
    });
  }
  return undefined;
}

/**
 * The chain of `walletcreds dev` in this process, for tests: a signing key, the STS emulator and a sidecar on free ports.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { variablesFor } from './cli/output/container-environment.ts';
import { configFromObject } from './config/load.ts';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from './emulator/index.ts';
import { DISCOVERY_PATH, discoveryDocument } from './identity-token/keys/discovery.ts';
import { createKeyStore, generateKey } from './identity-token/keys/index.ts';
import { systemClock } from './lib/clock.ts';
import { createLogger } from './lib/create-logger.ts';
import { createSidecar } from './server/sidecar.ts';

const ISSUER = 'https://issuer.test';
const AUDIENCE = 'sts.amazonaws.com';
const REGION = 'us-east-1';
const ACCOUNT = '000000000000';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/walletcreds-dev`;

/** A wallet for a test that needs only one. */
const DEMO = { demo: '0x52908400098527886e0f7030069857d2e4169ee7' };

export interface StartDevOptions {
  /** Wallets by the name of their workload; default one workload `demo`. */
  readonly workloads?: Readonly<Record<string, string>>;
}

/** A running chain. */
export interface RunningDev extends AsyncDisposable {
  /** The variables that give an AWS SDK the credentials of a workload; default the first one. @throws RangeError */
  env(workload?: string): Record<string, string>;
  /** The emulator: its URL, the calls it had, the sessions it made. */
  readonly sts: RunningStsEmulator;
  /** Ends it, and removes its files. */
  close(): Promise<void>;
}

/**
 * Starts a sidecar whose credentials come from an STS emulator. It resolves once every workload has credentials.
 *
 * @throws ConfigError for a name or a wallet that is not valid
 * @example
 * const dev = await startDev({ workloads: { a: '0x52908400098527886e0f7030069857d2e4169ee7' } });
 * Object.assign(process.env, dev.env('a'));
 * // … code that uses an AWS SDK …
 * await dev.close();
 */
export async function startDev({ workloads = DEMO }: StartDevOptions = {}): Promise<RunningDev> {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-dev-'));
  const ending: (() => void | Promise<void>)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of ending.splice(0).reverse()) await end();
  };
  try {
    const keysDir = join(folder, 'keys');
    await generateKey(keysDir, { alg: 'ES256', purpose: 'dev' });
    const keys = createKeyStore({ dir: keysDir, purpose: 'dev', clock: systemClock });
    const sts = await startStsEmulator({
      accountId: ACCOUNT,
      issuers: [{ issuer: ISSUER, audiences: [AUDIENCE] }],
      roles: [
        { arn: ROLE, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER, audience: AUDIENCE }) },
      ],
      fetchIssuer: async url =>
        Response.json(
          url.endsWith(DISCOVERY_PATH)
            ? discoveryDocument(ISSUER, ['ES256'])
            : (await keys.current()).publicJwks(systemClock.wall()),
        ),
    });
    ending.push(() => sts.close());
    const config = await configFromObject(
      {
        region: REGION,
        role_arn: ROLE,
        state_dir: folder.replaceAll('${', '$${'),
        endpoint: { listen: ['127.0.0.1:0'] },
        admin: { listen: '127.0.0.1:0' },
        identity_token: { signer: { issuer: ISSUER, keys_dir: 'keys', audience: AUDIENCE } },
        sts: { endpoint: sts.url },
        workloads: Object.fromEntries(
          Object.entries(workloads).map(([name, wallet]) => [name, { wallet, token_file: `tokens/${name}` }]),
        ),
      },
      { dev: true, env: {}, baseDir: folder },
    );
    const sidecar = await createSidecar(config, { log: createLogger({ level: 'silent' }) });
    ending.push(() => sidecar.close());
    await sidecar.ready();
    return {
      sts,
      env(name = Object.keys(workloads)[0] ?? '') {
        const { token, workload } = config.workloads.get(name) ?? {};
        if (token === undefined || workload === undefined)
          throw new RangeError(`no workload is called ${JSON.stringify(name)}`);
        const fullUri = `${sidecar.endpoint?.url}/v1/credentials`;
        const wallet = { tag: config.walletTag, value: workload.wallet };
        return variablesFor({ fullUri, token: token.value, region: REGION, wallet, stsEndpoint: sts.url });
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

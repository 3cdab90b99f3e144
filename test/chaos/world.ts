/**
 * A real `walletcreds serve` in a folder of its own, before an STS that fails on request.
 *
 * @module
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { type Serving, startServe } from '../support/chain.ts';
import { freePorts, temporaryFolder } from '../support/process.ts';
import { type ChaosSts, startChaosSts } from './sts.ts';

export const ROLE = 'arn:aws:iam::123456789012:role/data';
export const ADMIN = `admin-${'fedcba9876543210'.repeat(3)}`;

/** The n-th wallet, of any number. */
export const walletOf = (n: number): string => `0x${(n + 1).toString(16).padStart(40, '0')}`;
/** The token of a workload, so that a load needs to read no file. */
export const tokenOf = (name: string): string =>
  Buffer.from(`token of ${name}`.padEnd(48, '.'))
    .toString('hex')
    .split('')
    .map((digit, i) => 'abcdefghijklmnop'[(Number.parseInt(digit, 16) + i * 7) % 16])
    .join('');

export interface World {
  readonly folder: string;
  readonly port: number;
  readonly sts: ChaosSts;
  /** Workload → wallet. */
  readonly workloads: ReadonlyMap<string, string>;
  /** Where `serve` looks for its configuration, and `audit verify` too. */
  config: string;
  yaml(options?: YamlOptions): string;
  write(file: string, text: string, mode?: number): string;
  /** Starts `serve` and waits until it answers; it is killed with the test. */
  serve(options?: { through?: readonly string[] }): Promise<Serving>;
}

export interface YamlOptions {
  readonly workloads?: ReadonlyMap<string, string>;
  /** Instead of the signer: the lines of the section. */
  readonly identityToken?: string;
  readonly tokens?: string;
  readonly more?: readonly string[];
  readonly prefetch?: boolean;
}

/**
 * @param count of workloads, `w0` with the first wallet and so on
 * @param now STS's time; ms
 */
export async function world(count: number, now: () => number = Date.now): Promise<World> {
  const { path: folder, remove } = temporaryFolder('chaos');
  onTestFinished(remove);
  const sts = await startChaosSts(now);
  onTestFinished(() => sts.close());
  const port = await freePorts(3);
  const workloads = new Map(Array.from({ length: count }, (_, n) => [`w${n}`, walletOf(n)]));
  await generateKey(join(folder, 'keys'), { alg: 'ES256', purpose: 'oidc' });
  const at: World = {
    folder,
    port,
    sts,
    workloads,
    config: join(folder, 'walletcreds.yaml'),
    yaml(options = {}) {
      const { tokens = join(folder, 'tokens'), more = [], prefetch = false } = options;
      const signer = `{ signer: { issuer: "http://127.0.0.1:${port + 1}", keys_dir: "${join(folder, 'keys')}" } }`;
      return [
        'region: us-east-1',
        `role_arn: ${ROLE}`,
        `state_dir: "${folder}"`,
        `endpoint: { listen: ["127.0.0.1:${port}"], token_overlap: 0s }`,
        `admin: { listen: "127.0.0.1:${port + 2}", token_file: "${join(folder, 'admin-token')}" }`,
        `identity_token: ${options.identityToken ?? signer}`,
        `sts: { endpoint: "${sts.url}", timeout: 2s }`,
        ...more,
        'workloads:',
        ...[...(options.workloads ?? workloads)].map(
          ([name, wallet]) =>
            `  ${name}: { wallet: "${wallet}", token_file: "${join(tokens, name)}", prefetch: ${prefetch} }`,
        ),
        '',
      ].join('\n');
    },
    write(file, text, mode = 0o600) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode });
      chmodSync(path, mode);
      return path;
    },
    async serve({ through = [] } = {}) {
      const serving = startServe({ folder }, { env: { WALLETCREDS_CONFIG: at.config }, through });
      onTestFinished(async () => {
        serving.child.kill('SIGCONT');
        serving.child.kill('SIGKILL');
        await serving.exited;
      });
      await serving.said('serving');
      return serving;
    },
  };
  at.write('admin-token', ADMIN);
  for (const name of workloads.keys()) at.write(`tokens/${name}`, tokenOf(name));
  at.write('walletcreds.yaml', at.yaml());
  return at;
}

/**
 * Two workloads, `a` and `b`, in front of the STS emulator, and the program run in their folder.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Chain, startChain } from '../support/chain.ts';
import { bin, cleanEnv, type Finished, run } from '../support/process.ts';

export const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
export const OTHER = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';

export async function startTwoWorkloads(): Promise<Chain> {
  const chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET, b: OTHER }));
  for (const name of ['a', 'b']) chain.write(`tokens/${name}`, randomBytes(32).toString('hex'));
  mkdirSync(join(chain.folder, 'home/.aws'), { recursive: true });
  return chain;
}

export const node = (script: string) => [process.execPath, '-e', script];
/** A program's script that prints the status and body of the endpoint's answer. */
export const fetching = `
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = process.env;
  require('node:http').get(url, { headers: { Authorization: token } }, answer => {
    let body = '';
    answer.on('data', chunk => { body += chunk; });
    answer.on('end', () => console.log(answer.statusCode + ' ' + body));
  });`;

/** @param chainOf asked at each run: the chain starts after the tests are collected */
export function programsOf(chainOf: () => Chain) {
  const env = (extra: Record<string, string> = {}) => cleanEnv(join(chainOf().folder, 'home'), extra);
  const walletcreds = (args: readonly string[], extra: Record<string, string> = {}): Promise<Finished> =>
    run(process.execPath, ['--', bin, ...args], { env: env(extra), cwd: chainOf().folder });
  /** The variables that a program under `exec` sees. */
  async function environmentOf(
    args: readonly string[],
    extra: Record<string, string> = {},
  ): Promise<Record<string, string>> {
    const { code, stdout, stderr } = await walletcreds(
      [...args, '--', ...node('console.log(JSON.stringify(process.env))')],
      extra,
    );
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, string>;
  }
  /** The wallet of an access key, as the emulator recorded it. */
  const walletOf = (accessKeyId: unknown) => chainOf().sts.sessions.get(String(accessKeyId))?.sessionName.split('@')[0];
  return { env, walletcreds, environmentOf, walletOf };
}

/**
 * A real `walletcreds serve` with a configuration on disk, in front of the STS emulator in the test's own process.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import { discoveryDocument } from '../../src/identity-token/keys/discovery.ts';
import { generateKey, loadKeys } from '../../src/identity-token/keys/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { bin, cleanEnv, freePorts, temporaryFolder } from './process.ts';
import { type Answer, ask } from './request.ts';

export const ROLE = 'arn:aws:iam::000000000000:role/data';

/** Issuer and STS on loopback, and a folder with a key: everything that a configuration needs to work. */
export interface Chain {
  readonly folder: string;
  readonly sts: RunningStsEmulator;
  readonly issuer: string;
  /** The first of three free ports: endpoint, broker, admin. */
  readonly port: number;
  /** The YAML of a configuration with these workloads. */
  yaml(workloads: Readonly<Record<string, string>>, more?: string): string;
  write(file: string, text: string, mode?: number): string;
  close(): Promise<void>;
}

/** @param options.latencyMs how long STS takes for an answer */
export async function startChain(options: { latencyMs?: number } = {}): Promise<Chain> {
  const folder = temporaryFolder('serve');
  const keysDir = join(folder.path, 'keys');
  await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
  const documents = createServer((request, response) => {
    void loadKeys(keysDir, 'oidc').then(keys => {
      const jwks = request.url?.endsWith('jwks.json') === true;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(jwks ? keys.publicJwks(systemClock.wall()) : discoveryDocument(issuer, ['ES256'])));
    });
  });
  await new Promise<void>(done => documents.listen(0, '127.0.0.1', done));
  const issuer = `http://127.0.0.1:${(documents.address() as AddressInfo).port}`;
  const accountId = '000000000000';
  const sts = await startStsEmulator({
    ...options,
    accountId,
    issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
    roles: [{ arn: ROLE, trustPolicy: walletTrustPolicy({ accountId, issuer }), maxSessionDuration: 43_200 }],
  });
  const port = await freePorts(3);
  const chain: Chain = {
    folder: folder.path,
    sts,
    issuer,
    port,
    yaml: (workloads, more = '') =>
      [
        'region: us-east-1',
        `role_arn: ${ROLE}`,
        `endpoint: { listen: ["127.0.0.1:${port}"] }`,
        `admin: { listen: "127.0.0.1:${port + 2}", token_file: admin-token }`,
        `identity_token: { signer: { issuer: "${issuer}", keys_dir: keys } }`,
        `sts: { endpoint: "${sts.url}" }`,
        'workloads:',
        ...Object.entries(workloads).map(
          ([name, wallet]) => `  ${name}: { wallet: "${wallet}", token_file: tokens/${name} }`,
        ),
        more,
      ].join('\n'),
    write(file, text, mode = 0o600) {
      const path = join(folder.path, file);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text, { mode });
      chmodSync(path, mode);
      return path;
    },
    async close() {
      await sts.close();
      await new Promise(done => documents.close(done));
      folder.remove();
    },
  };
  return chain;
}

export interface Serving {
  readonly child: ChildProcess;
  /** The log so far, a parsed line each. */
  readonly lines: readonly Record<string, unknown>[];
  /** Everything it wrote, raw. */
  text(): string;
  /** Resolves with the first line that has this message, from now on or already there. */
  said(msg: string, times?: number): Promise<Record<string, unknown>>;
  readonly exited: Promise<number | null>;
}

/**
 * Starts `serve` on `walletcreds.yaml` of the chain's folder; {@link Serving.said} tells when it is up.
 *
 * @param options.through a command that runs the one behind it, such as a shell that sets limits
 */
export function startServe(
  chain: Pick<Chain, 'folder'>,
  options: { env?: Record<string, string>; nodeArgs?: readonly string[]; through?: readonly string[] } = {},
): Serving {
  const { nodeArgs = [], through = [] } = options;
  const [command = '', ...args] = [...through, process.execPath, ...nodeArgs, bin, 'serve'];
  const child = spawn(command, args, {
    env: cleanEnv(chain.folder, options.env),
    cwd: chain.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line.startsWith('{')) lines.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const exited = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  return {
    child,
    lines,
    text: () => text,
    exited,
    said: (msg, times = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.filter(line => line['msg'] === msg)[times - 1];
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        void exited.then(code => reject(new Error(`serve ended with ${code} before it said "${msg}":\n${text}`)));
        look();
      }),
  };
}

export function tokenOf(chain: Chain, name: string): string {
  return readFileSync(join(chain.folder, 'tokens', name), 'utf8');
}

/** What the SDK of a container gets that shows this token. */
export function credentialsFor(chain: Chain, token: string, path = '/v1/credentials'): Promise<Answer> {
  return ask({ port: chain.port, path, headers: { Authorization: token } });
}

/**
 * A whole small world on loopback: an STS, a session backend, an issuer of callers' JWTs, and folders for what a broker
 * and a sidecar need.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { type CreateSidecarOptions, createSidecar, type RunningSidecar } from '../../src/index.ts';
import { json, makeKey, startServer, type TestKey, type TestServer } from '../auth/support.ts';
import { freePorts } from '../support/process.ts';

export const CONFIGURED = '0x52908400098527886e0f7030069857d2e4169ee7';
export const WALLET = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
export const TAG = 'agentkeys_user_wallet';
export const SESSION = 'session-of-a-scraper-0123456789';
export const BEARER = `bearer-${'0123456789abcdef'.repeat(3)}`;
export const ADMIN = `admin-${'fedcba9876543210'.repeat(3)}`;

export type Settings = Record<string, unknown>;

export interface World {
  readonly folder: string;
  /** The broker's URL, which is its issuer's too. */
  readonly issuer: string;
  readonly brokerPort: number;
  readonly sts: RunningStsEmulator;
  readonly roleArn: string;
  /** Bearer → what the backend answers; others get a 401. */
  readonly sessions: Map<string, { readonly status?: number; readonly wallet?: unknown }>;
  readonly backend: TestServer;
  readonly callers: { readonly server: TestServer; readonly key: TestKey };
  /** A broker's configuration; the parts replace whole sections. */
  broker(parts?: Settings): Settings;
  /** A sidecar's, which fetches its JWTs at that broker. */
  sidecar(parts?: Settings): Settings;
  write(name: string, text: string): string;
}

/** @param path of the issuer, behind the broker's own URL */
export async function world(path = ''): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-world-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const brokerPort = await freePorts(1);
  const issuer = `http://127.0.0.1:${brokerPort}${path}`;
  const trustPolicy = walletTrustPolicy({ accountId: '123456789012', issuer });
  const sts = await startStsEmulator({
    accountId: '123456789012',
    issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
    roles: [{ name: 'data', trustPolicy }],
    jwksMaxAgeMs: 0,
  });
  onTestFinished(() => sts.close().catch(() => {}));
  const roleArn = 'arn:aws:iam::123456789012:role/data';
  const sessions: World['sessions'] = new Map([[SESSION, { wallet: WALLET }]]);
  const backend = await startServer((incoming, outgoing) => {
    const bearer = incoming.headers.authorization?.slice('Bearer '.length) ?? '';
    const { status = 200, ...body } = sessions.get(bearer) ?? { status: 401, message: 'unknown session' };
    json(outgoing, status, body);
  });
  const key = makeKey('caller-key');
  const server: TestServer = await startServer((incoming, outgoing) =>
    incoming.url === '/keys'
      ? json(outgoing, 200, { keys: [key.jwk] })
      : json(outgoing, 200, { issuer: server.url, jwks_uri: `${server.url}/keys` }),
  );
  await generateKey(join(folder, 'keys'), { alg: 'ES256', purpose: 'oidc' });
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  write('bearers/scraper-a', BEARER);
  write('tokens/admin', ADMIN);

  const common = (name: string): Settings => {
    mkdirSync(join(folder, name), { recursive: true });
    return {
      region: 'us-east-1',
      role_arn: roleArn,
      state_dir: name,
      sts: { endpoint: sts.url },
      admin: { listen: ['127.0.0.1:0'], token_file: join(folder, 'tokens/admin') },
    };
  };
  return {
    folder,
    issuer,
    brokerPort,
    sts,
    roleArn,
    sessions,
    backend,
    callers: { server, key },
    write,
    broker: (parts = {}) => ({
      ...common('broker'),
      endpoint: { listen: [] },
      broker: { listen: [`127.0.0.1:${brokerPort}`] },
      identity_token: { signer: { issuer, keys_dir: 'keys' } },
      workloads: { 'scraper-a': { wallet: CONFIGURED, bearer_file: 'bearers/scraper-a', prefetch: false } },
      callers: { session_backend: { url: backend.url, listeners: ['broker'], any_wallet: true } },
      ...parts,
    }),
    sidecar: (parts = {}) => ({
      ...common('sidecar'),
      endpoint: { listen: ['127.0.0.1:0'] },
      identity_token: { broker: { url: `http://127.0.0.1:${brokerPort}`, bearer_file: 'bearers/{workload}' } },
      workloads: { 'scraper-a': { wallet: CONFIGURED, token_file: 'tokens/scraper-a' } },
      ...parts,
    }),
  };
}

/** A sidecar in this process, closed with the test. */
export async function start(
  { folder }: World,
  config: Settings,
  more: Partial<CreateSidecarOptions> = {},
): Promise<RunningSidecar> {
  const sidecar = await createSidecar({ config, baseDir: folder, env: {}, ...more });
  onTestFinished(() => sidecar.close(0));
  return sidecar;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Empty where the text is no JSON object. */
  readonly body: Record<string, unknown>;
}

export function call(
  url: string,
  options: { method?: string; bearer?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { method = 'POST', bearer, headers = {} } = options;
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  // Not by `fetch`, which says of itself that it is a browser (Sec-Fetch-Mode).
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...authorization, ...headers }, agent: false }, incoming => {
      let text = '';
      incoming.setEncoding('utf8').on('data', chunk => {
        text += chunk;
      });
      incoming.on('error', reject).on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: new Headers(incoming.headers as Record<string, string>),
          text,
          body: text.startsWith('{') ? JSON.parse(text) : {},
        }),
      );
    });
    outgoing.on('error', reject).end();
  });
}

/** `callers.jwt` of the test's issuer, for the broker unless an entry says otherwise. */
export const jwtCallers = (at: World, ...entries: Record<string, unknown>[]) =>
  entries.map(entry => ({ issuer: at.callers.server.url, audience: 'broker', listeners: ['broker'], ...entry }));

/**
 * A cluster, an STS, a broker that takes the cluster's tokens, and node agents that forward them.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import { createSidecar, type Sidecar } from '../../src/server/sidecar.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { freePorts } from '../support/process.ts';
import { type Answer, ask } from '../support/request.ts';

import { AUDIENCE, type Cluster, NODE, startCluster } from './cluster.ts';

export const WALLETS = {
  'scraper-a': '0x52908400098527886e0f7030069857d2e4169ee7',
  'scraper-b': '0xde709f2102306220921060314715629080e2fb77',
} as const;
export const SUBJECTS: Readonly<Record<string, string>> = {
  'system:serviceaccount:scrapers:scraper-a': 'scraper-a',
  'system:serviceaccount:scrapers:scraper-b': 'scraper-b',
};

export type Settings = Record<string, unknown>;

export interface World {
  readonly folder: string;
  readonly cluster: Cluster;
  readonly sts: RunningStsEmulator;
  readonly brokerUrl: string;
  /** What broker and agents have logged so far. */
  said(): string;
  /** The settings of a broker and of a node agent; `jwt` replaces parts of the one entry under `callers.jwt`. */
  brokerSettings(jwt?: Settings): Settings;
  agentSettings(jwt?: Settings): Settings;
  broker(settings?: Settings): Promise<Sidecar>;
  agent(settings?: Settings): Promise<Agent>;
}

export interface Agent {
  readonly sidecar: Sidecar;
  /** As an SDK in a pod asks. */
  get(token: string | undefined, path?: string): Promise<Reply>;
  update(settings: Settings): Promise<void>;
}

export interface Reply extends Answer {
  readonly json: Readonly<Record<string, string>>;
}

/** @param clock stands still unless moved, so that nothing comes too late on a slow machine */
export async function world(clock: Clock = fakeClock(Date.now())): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-node-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const cluster = await startCluster(folder);
  onTestFinished(() => cluster.goAway());
  const port = await freePorts(1);
  const brokerUrl = `http://127.0.0.1:${port}`;
  const accountId = '123456789012';
  const sts = await startStsEmulator({
    accountId,
    issuers: [{ issuer: brokerUrl, audiences: ['sts.amazonaws.com'] }],
    roles: [{ name: 'data', trustPolicy: walletTrustPolicy({ accountId, issuer: brokerUrl }) }],
    clock,
  });
  onTestFinished(() => sts.close());
  await generateKey(join(folder, 'keys'), { alg: 'ES256', purpose: 'oidc' });

  const common = (name: string, jwt: Settings): Settings => {
    mkdirSync(join(folder, name), { recursive: true });
    return {
      region: 'us-east-1',
      role_arn: `arn:aws:iam::${accountId}:role/data`,
      state_dir: name,
      sts: { endpoint: sts.url },
      admin: { listen: ['127.0.0.1:0'] },
      workloads: Object.fromEntries(Object.entries(WALLETS).map(([name, wallet]) => [name, { wallet }])),
      callers: {
        jwt: [
          {
            issuer: cluster.issuer,
            audience: AUDIENCE,
            // Without `url`: found by discovery, which needs the bearer as well.
            jwks: { ca_file: cluster.caFile, bearer_file: cluster.bearerFile },
            subjects: SUBJECTS,
            ...jwt,
          },
        ],
      },
    };
  };
  const brokerSettings = (jwt: Settings = {}): Settings => ({
    ...common('broker', { listeners: ['broker'], allow_any_node: true, ...jwt }),
    endpoint: { listen: [] },
    broker: { listen: [`127.0.0.1:${port}`] },
    identity_token: { signer: { issuer: brokerUrl, keys_dir: 'keys' } },
  });
  const agentSettings = (jwt: Settings = {}): Settings => ({
    ...common('agent', { listeners: ['endpoint'], node_name: '${env:NODE_NAME}', ...jwt }),
    endpoint: { listen: ['127.0.0.1:0'] },
    identity_token: { broker: { url: brokerUrl, bearer: 'caller' } },
    audit: { database: `file:${join(folder, 'agent-audit.sqlite')}` },
  });
  const load = (settings: Settings) => configFromObject(settings, { baseDir: folder, env: { NODE_NAME: NODE } });
  const lines: string[] = [];
  const log = createLogger({ destination: { write: line => void lines.push(line) } });
  const start = async (settings: Settings): Promise<Sidecar> => {
    const sidecar = await createSidecar(await load(settings), { log, clock });
    onTestFinished(() => sidecar.close(0));
    return sidecar;
  };
  return {
    folder,
    cluster,
    sts,
    brokerUrl,
    said: () => lines.join(''),
    brokerSettings,
    agentSettings,
    broker: (settings = brokerSettings()) => start(settings),
    async agent(settings = agentSettings()) {
      const sidecar = await start(settings);
      const listening = sidecar.endpoint?.addresses[0]?.port ?? 0;
      return {
        sidecar,
        async get(token, path = '/v1/credentials') {
          const headers = token === undefined ? {} : { Authorization: token };
          const answer = await ask({ port: listening, path, headers });
          return { ...answer, json: JSON.parse(answer.body) };
        },
        update: async next => sidecar.apply(await load(next)),
      };
    },
  };
}

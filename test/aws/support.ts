/**
 * Configurations made by hand, for the tests of the account.
 *
 * @module
 */

import { Sources } from '../../src/config/sources.ts';
import type { Config, WorkloadConfig } from '../../src/config/types.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import type { IdentityTokenConfig } from '../../src/workload/workload.ts';
import { workload } from '../support/workload.ts';

export const WALLET_A = '0x52908400098527886e0f7030069857d2e4169ee7';
export const WALLET_B = `0x${'b'.repeat(40)}`;
export const ROLE = 'arn:aws:iam::123456789012:role/agentkeys-data-role';
export const TAG = 'agentkeys_user_wallet';

/** The flags of a setup that has every part. */
export const FULL = { bucket: 'my.bucket', prefix: 'bots', sourceIps: ['203.0.113.0/24'], bindSession: true };

export interface ConfigOptions {
  readonly roleArn?: string;
  readonly region?: string;
  readonly issuer?: string;
  readonly identityToken?: IdentityTokenConfig;
  readonly keysDir?: string;
  readonly sessionDuration?: number;
  readonly stsEndpoint?: string;
  readonly tags?: Record<string, string>;
  readonly workloads?: Record<string, string>;
  readonly walletTag?: string;
  /** Role of single workloads. */
  readonly roles?: Record<string, string>;
  readonly token?: string;
}

export function configOf(options: ConfigOptions = {}): Config {
  const role = parseRoleArn(options.roleArn ?? ROLE);
  const sessionDuration = options.sessionDuration ?? 3600;
  const identityToken: IdentityTokenConfig = options.identityToken ?? {
    kind: 'signer',
    issuer: options.issuer ?? 'https://oidc.example.com',
    keysDir: options.keysDir ?? '/nonexistent/keys',
    audience: 'sts.amazonaws.com',
    ttlSeconds: 300,
    purpose: 'oidc',
  };
  const walletTag = options.walletTag ?? TAG;
  const workloads = new Map<string, WorkloadConfig>(
    Object.entries(options.workloads ?? { 'scraper-a': WALLET_A, 'scraper-b': WALLET_B }).map(([name, wallet]) => [
      name,
      {
        workload: workload({
          name,
          wallet,
          role: options.roles?.[name] === undefined ? role : parseRoleArn(options.roles[name]),
          sessionDuration,
          walletTag,
          tags: options.tags ?? {},
          identityToken,
        }),
        token: { value: options.token ?? 'f'.repeat(31) + name, file: `tokens/${name}` },
        prefetch: true,
        rawJwt: false,
      },
    ]),
  );
  return {
    file: '/etc/walletcreds.yaml',
    stateDir: '/var/lib/walletcreds',
    region: options.region ?? 'us-east-1',
    walletTag,
    endpoint: {
      listen: [{ host: '127.0.0.1', port: 9110 }],
      allowRemote: false,
      extraHosts: [],
      allowFrom: [],
      tokenOverlapMs: 300_000,
      maxConnections: 1024,
    },
    defaults: { role, sessionDuration, identityToken },
    workloads,
    callers: { jwt: [] },
    sts: {
      endpoint: options.stsEndpoint ?? 'https://sts.us-east-1.amazonaws.com',
      endpointSource: 'sts.endpoint',
      timeoutMs: 5000,
      allowInsecureHttp: false,
    },
    admin: { listen: [{ host: '127.0.0.1', port: 9112 }], allowRemote: false, open: false, maxConnections: 1024 },
    audit: { kind: 'sqlite', path: '/var/lib/walletcreds/audit.sqlite' },
    sources: new Sources(),
    warnings: [],
  } as Config;
}

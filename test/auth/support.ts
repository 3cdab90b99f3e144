/**
 * Issuers, their tokens and backends for the tests of callers: keys made here, servers on loopback that count.
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, type JWK, SignJWT } from 'jose';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { DynamicWorkloads, WalletStatement } from '../../src/auth/dynamic-workloads.ts';
import type { KeyLookup } from '../../src/auth/jwks.ts';
import { StaticTokens, type TokenEntry, type TokenKind } from '../../src/auth/static-tokens.ts';
import type { JwtCallerConfig } from '../../src/config/types.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { allSteps } from '../support/steps.ts';
import { workload } from '../support/workload.ts';

export const silent = pino({ level: 'silent' });
export const WALLET = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
export const CONFIGURED = '0x52908400098527886e0f7030069857d2e4169ee7';
export const ISSUER = 'https://issuer.example.com';
export const AUDIENCE = 'walletcreds';
/** Where the fake clock starts; seconds. */
export const NOW = Date.UTC(2026, 0, 1) / 1_000;

export interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly jwk: JWK;
  readonly publicPem: string;
}

export function makeKey(kid: string, alg: 'ES256' | 'RS256' = 'ES256'): TestKey {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...(publicKey.export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, jwk, publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string };
}

/** Good claims; `change` replaces, undefined drops. */
export function claims(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'user-1', iat: NOW - 10, exp: NOW + 600, wallet: WALLET, ...change };
}

export function sign(key: TestKey, payload = claims(), header: Record<string, unknown> = {}): Promise<string> {
  const made = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
  return new SignJWT(made).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
}

/** A compact form of what nobody signed. */
export function compact(header: unknown, payload: unknown, signature = ''): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}

export function lookupOf(...keys: TestKey[]): KeyLookup {
  return createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) });
}

export function jwtConfig(change: Partial<JwtCallerConfig> = {}): JwtCallerConfig {
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    listeners: ['broker'],
    jwks: { allowInsecureHttp: false },
    walletClaim: 'wallet',
    wallets: 'any',
    ...change,
  };
}

/** Makes a workload for every wallet, and remembers the statements. */
export function everyWallet(): Pick<DynamicWorkloads, 'configured' | 'workloadFor'> & {
  readonly asked: WalletStatement[];
} {
  const asked: WalletStatement[] = [];
  return {
    asked,
    configured: name => (name === 'scraper-a' ? workload() : undefined),
    workloadFor(statement) {
      asked.push(statement);
      return workload({ name: 'dynamic', wallet: String(statement.wallet), origin: 'dynamic' });
    },
  };
}

/** Static tokens through reloads, each built from the one before. */
export function reloadableTokens(kind: TokenKind, entries: readonly TokenEntry[], clock: Clock) {
  let current = allSteps(StaticTokens.build(kind, entries, { clock, overlapMs: 0 }));
  return {
    find: (presented: string | undefined, remoteAddress?: string) => current.find(presented, remoteAddress),
    reload(next: readonly TokenEntry[], overlapMs: number): void {
      current = allSteps(StaticTokens.build(kind, next, { clock, overlapMs, previous: current }));
    },
  };
}

export interface TestServer {
  readonly url: string;
  /** Requests so far: method, path and `Authorization`. */
  readonly seen: { readonly method: string; readonly path: string; readonly authorization: string | undefined }[];
  handler: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  close(): Promise<void>;
}

/** A server on a free port of 127.0.0.1 that ends with the test. */
export async function startServer(handler: TestServer['handler'] = (_, o) => void o.end()): Promise<TestServer> {
  const seen: TestServer['seen'] = [];
  const server = http.createServer((incoming, outgoing) => {
    seen.push({
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      authorization: incoming.headers.authorization,
    });
    made.handler(incoming, outgoing);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const made: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    handler,
    close,
  };
  onTestFinished(close);
  return made;
}

export function json(outgoing: ServerResponse, status: number, value: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Sends without end, as fast as it is read. */
export function endless(outgoing: ServerResponse): void {
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  const more = (): void => {
    if (outgoing.destroyed) return;
    if (outgoing.write('{"keys":['.padEnd(65_536, ' '))) setImmediate(more);
    else outgoing.once('drain', more);
  };
  more();
}

/** A promise that a test settles. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

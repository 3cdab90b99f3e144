/**
 * The issuer's public documents: discovery and JWKS, at the root and under the issuer's own path.
 *
 * @module
 */
import { Hono } from 'hono';
import { DISCOVERY_PATH, discoveryDocument, issuerPath, JWKS_PATH } from '../../identity-token/keys/discovery.ts';
import type { KeySet } from '../../identity-token/keys/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { type AppEnv, rawPath } from '../node-adapter.ts';

/** Far below what a rotation allows for caches, so that a revoked key is soon forgotten. */
const MAX_AGE_SECONDS = 300;

export interface WellKnownOptions {
  /** Byte for byte what tokens have as `iss`. */
  readonly issuer: string;
  /** The keys as they are now; a rejection goes to the error handler of the app around this one. */
  readonly keys: () => KeySet | Promise<KeySet>;
  readonly clock: Clock;
  readonly walletTag: string;
}

/**
 * Both documents may be kept for five minutes.
 *
 * @example
 * const app = createWellKnownApp({ issuer: 'https://oidc.example.com', keys: () => loadKeys(dir, 'oidc'), clock, walletTag });
 * const jwks = await (await app.request('/.well-known/jwks.json')).json();
 */
export function createWellKnownApp({ issuer, keys, clock, walletTag }: WellKnownOptions): Hono<AppEnv> {
  const prefixes = ['', issuerPath(issuer)];
  const documents = new Map<string, (set: KeySet, now: number) => object>();
  for (const prefix of prefixes) {
    documents.set(prefix + JWKS_PATH, (set, now) => set.publicJwks(now));
    documents.set(prefix + DISCOVERY_PATH, (set, now) => {
      const algs = new Set(set.publicJwks(now).keys.map(({ alg }) => alg));
      return discoveryDocument(issuer, [...algs], walletTag);
    });
  }
  const app = new Hono<AppEnv>({ getPath: rawPath });
  // Compared as a whole and raw: an issuer's path is data, not a route pattern.
  app.get('/*', async (c, next) => {
    const document = documents.get(c.req.path);
    if (document === undefined) return next();
    const body = JSON.stringify(document(await keys(), clock.wall()));
    return c.body(body, 200, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
    });
  });
  return app;
}

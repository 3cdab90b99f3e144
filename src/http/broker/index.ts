/**
 * The broker: `POST /v1/mint-aws-creds`, `POST /v1/mint-oidc-jwt`, the issuer's two public documents, and its health.
 *
 * @module
 */
import { type Context, Hono } from 'hono';
import type { Caller, CallerResolver } from '../../auth/caller.ts';
import type { Vending } from '../../credentials/vending.ts';
import { MethodNotAllowed, NotFound } from '../../lib/errors.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import { type AppEnv, rawPath, send } from '../node-adapter.ts';
import { type Answer, answer } from '../response.ts';
import { DEPRECATED, MIGRATION_PATH, MIGRATION_TEXT } from './deprecation.ts';
import { brokerErrorForm } from './errors.ts';
import { createMint } from './mint.ts';
import { type MintOidcJwtOptions, mintOidcJwt } from './mint-oidc-jwt.ts';
import type { RateLimits } from './rate-limit.ts';

export { brokerErrorForm } from './errors.ts';
export { brokerPolicy } from './policy.ts';

export interface BrokerOptions extends MintOidcJwtOptions {
  readonly resolver: CallerResolver;
  readonly vending: Vending;
  readonly log: Logger;
  /** Asked at each call: `broker.mint_aws_creds` of the current configuration. */
  readonly mintAwsCreds: () => boolean;
  /** The answer of `/readyz`: status for a stranger, checks with the admin token. */
  readonly readiness: (authorization: string | undefined) => Answer;
  /** Discovery and JWKS of the current configuration's issuer; mounted at the root, asked at each call. */
  readonly wellKnown?: (() => Hono<AppEnv>) | undefined;
  readonly limits?: RateLimits | undefined;
}

/**
 * @example
 * const app = createBrokerApp({ resolver, vending, audit log, clock, log, … });
 * await app.request('/v1/mint-oidc-jwt', { method: 'POST', headers: { Authorization: `Bearer ${session}` } });
 */
export function createBrokerApp(options: BrokerOptions): Hono<AppEnv> {
  const { vending, log, mintAwsCreds, readiness, wellKnown } = options;
  const mint = createMint(options);

  const awsCreds = mint({
    via: 'mint-aws-creds',
    headers: DEPRECATED,
    offered: mintAwsCreds,
    async run(caller) {
      const { credentials } = await vending.mint(caller, 'mint-aws-creds');
      return {
        access_key_id: credentials.accessKeyId,
        secret_access_key: credentials.secretAccessKey,
        session_token: credentials.sessionToken,
        expiration: Math.floor(credentials.expiration / 1_000),
        wallet: caller.workload.wallet,
      };
    },
  });
  const oidcJwt = mint({
    via: 'mint-oidc-jwt',
    headers: [],
    offered: () => true,
    run: (caller: Caller) => mintOidcJwt(options, caller),
  });

  const app = new Hono<AppEnv>({ getPath: rawPath });
  app.post('/v1/mint-aws-creds', c => awsCreds(c, authorizationOf(c)));
  app.post('/v1/mint-oidc-jwt', c => oidcJwt(c, authorizationOf(c)));
  app.get('/healthz', c => send(c, answer(200, 'text/plain', 'ok')));
  app.get('/readyz', c => send(c, readiness(authorizationOf(c))));
  app.get(MIGRATION_PATH, c => send(c, answer(200, 'text/plain; charset=utf-8', MIGRATION_TEXT)));
  const posted = ['/v1/mint-aws-creds', '/v1/mint-oidc-jwt'];
  const read = ['/healthz', '/readyz', MIGRATION_PATH];
  app.all('*', async c => {
    const path = rawPath(c.req.raw, { env: c.env });
    if (posted.includes(path)) return refuse(c, new MethodNotAllowed('use POST'), ['POST']);
    if (read.includes(path)) return refuse(c, new MethodNotAllowed('use GET'), ['GET']);
    if (wellKnown !== undefined) {
      const found = await wellKnown().fetch(c.req.method === 'GET' ? c.req.raw : new Request(c.req.raw.url), c.env);
      if (found.status !== 404)
        return c.req.method === 'GET' ? found : refuse(c, new MethodNotAllowed('use GET'), ['GET']);
    }
    return refuse(c, new NotFound('nothing is served at this path'), []);
  });
  app.onError((error, c) => {
    log.error(errorFields(error), 'failed');
    return refuse(c, error, []);
  });
  return app;
}

function authorizationOf(c: Context<AppEnv>): string | undefined {
  return c.env?.outgoing === undefined ? c.req.header('Authorization') : c.env.authorization;
}

function refuse(c: Context<AppEnv>, error: unknown, allow: readonly string[]): Response {
  return send(c, brokerErrorForm(error, allow));
}

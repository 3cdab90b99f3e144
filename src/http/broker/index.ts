/**
 * The broker: `POST /v1/mint-aws-creds`, `POST /v1/mint-oidc-jwt`, the issuer's two public documents, and its health.
 *
 * @module
 */
import { Hono } from 'hono';
import type { Authenticator } from '../../auth/authenticator.ts';
import type { Caller } from '../../auth/caller.ts';
import type { Vending } from '../../credentials/vending.ts';
import { MethodNotAllowed, NotFound } from '../../lib/errors.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import { createRefusalLog } from '../../lib/refusal-log.ts';
import { type AppEnv, rawPath } from '../node-adapter.ts';
import { type HttpResponse, httpResponse, webResponse } from '../response.ts';
import { DEPRECATED, MIGRATION_PATH, MIGRATION_TEXT } from './deprecation.ts';
import { serializeBrokerError } from './errors.ts';
import { createMint } from './mint.ts';
import { type MintOidcJwtOptions, mintOidcJwt } from './mint-oidc-jwt.ts';
import type { RateLimits } from './rate-limit.ts';

export { serializeBrokerError } from './errors.ts';
export { brokerPolicy } from './policy.ts';

export interface BrokerOptions extends MintOidcJwtOptions {
  readonly authenticator: Authenticator;
  readonly vending: Vending;
  readonly log: Logger;
  /** Asked at each call: `broker.mint_aws_creds` of the current configuration. */
  readonly mintAwsCreds: () => boolean;
  /** The response of `/readyz`: the status alone, or the checks too with the admin token. */
  readonly readiness: (authorization: string | undefined) => HttpResponse;
  /** Discovery and JWKS of the current configuration's issuer; mounted at the root, asked at each call. */
  readonly wellKnown?: (() => Hono<AppEnv>) | undefined;
  readonly limits?: RateLimits | undefined;
}

/**
 * @example
 * const app = createBrokerApp({ authenticator, vending, audit log, clock, log, … });
 * await app.request('/v1/mint-oidc-jwt', { method: 'POST', headers: { Authorization: `Bearer ${session}` } });
 */
export function createBrokerApp(options: BrokerOptions): Hono<AppEnv> {
  const { vending, mintAwsCreds, readiness, wellKnown } = options;
  const logFailure = createRefusalLog({ ...options, level: 'error' });
  const mint = createMint(options);

  const awsCreds = mint({
    via: 'mint-aws-creds',
    headers: DEPRECATED,
    offered: mintAwsCreds,
    async run(caller) {
      const credentials = await vending.mint(caller, 'mint-aws-creds');
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
    headers: {},
    offered: () => true,
    run: (caller: Caller) => mintOidcJwt(options, caller),
  });

  const app = new Hono<AppEnv>({ getPath: rawPath });
  app.post('/v1/mint-aws-creds', awsCreds);
  app.post('/v1/mint-oidc-jwt', oidcJwt);
  app.get('/healthz', () => webResponse(httpResponse(200, 'text/plain', 'ok')));
  app.get('/readyz', c => webResponse(readiness(c.req.header('Authorization'))));
  app.get(MIGRATION_PATH, () => webResponse(httpResponse(200, 'text/plain; charset=utf-8', MIGRATION_TEXT)));
  app.all('/v1/mint-aws-creds', () => refuse(new MethodNotAllowed('use POST'), ['POST']));
  app.all('/v1/mint-oidc-jwt', () => refuse(new MethodNotAllowed('use POST'), ['POST']));
  for (const path of ['/healthz', '/readyz', MIGRATION_PATH]) {
    app.all(path, () => refuse(new MethodNotAllowed('use GET'), ['GET']));
  }
  app.all('*', async c => {
    const found = await wellKnown?.().fetch(new Request(c.req.url));
    if (found === undefined || found.status === 404) return refuse(new NotFound('nothing is served at this path'), []);
    return c.req.method === 'GET' ? found : refuse(new MethodNotAllowed('use GET'), ['GET']);
  });
  app.onError(error => {
    const fields = errorFields(error);
    logFailure(fields.code, fields);
    return refuse(error, []);
  });
  return app;
}

function refuse(error: unknown, allow: readonly string[]): Response {
  return webResponse(serializeBrokerError(error, allow));
}

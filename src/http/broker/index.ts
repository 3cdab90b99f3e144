/**
 * The broker: `POST /v1/mint-aws-creds`, `POST /v1/mint-oidc-jwt`, the issuer's two public documents, and its health.
 *
 * @module
 */
import { type Context, Hono } from 'hono';
import type { Trail } from '../../audit/trail.ts';
import type { Clock } from '../../clock.ts';
import { InvalidAuthorizationToken, NotFound, StsRefused, StsUnavailable, TagMismatch } from '../../errors.ts';
import { errorFields, type Logger } from '../../log.ts';
import type { Vending } from '../../vending/vending.ts';
import type { Caller, CallerResolver } from '../../workload/caller.ts';
import { type Answer, answer } from '../answer.ts';
import { type AppEnv, rawPath, send } from '../app.ts';
import { DEPRECATED, MIGRATION_PATH, MIGRATION_TEXT } from './deprecation.ts';
import { brokerErrorForm, kindOf } from './errors.ts';
import { type MintOidcJwtOptions, mintOidcJwt } from './mint-oidc-jwt.ts';
import { createRateLimiter, type RateLimits } from './rate-limit.ts';
import { type MintVia, refusalRow } from './rows.ts';

export { brokerErrorForm } from './errors.ts';
export { brokerPolicy } from './policy.ts';

export interface BrokerOptions extends MintOidcJwtOptions {
  readonly resolver: CallerResolver;
  readonly vending: Vending;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asked at each call: `broker.mint_aws_creds` of the current configuration. */
  readonly mintAwsCreds: () => boolean;
  /** The answer of `/readyz`: status for a stranger, checks with the admin token. */
  readonly readiness: (authorization: string | undefined) => Answer;
  /** Discovery and JWKS; mounted at the root. */
  readonly wellKnown?: Hono<AppEnv> | undefined;
  readonly limits?: RateLimits;
}

export function createBrokerApp(options: BrokerOptions): Hono<AppEnv> {
  const { resolver, vending, trail, clock, log, mintAwsCreds, readiness, wellKnown } = options;
  const limiter = createRateLimiter(clock, options.limits);

  const mint = async (
    c: Context<AppEnv>,
    via: MintVia,
    run: (caller: Caller) => Promise<Answer>,
  ): Promise<Response> => {
    const since = clock.monotonic();
    const authorization = c.env?.outgoing === undefined ? c.req.header('Authorization') : c.env.authorization;
    let caller: Caller | undefined;
    let leave: (() => void) | undefined;
    let minting = false;
    try {
      leave = limiter.enter();
      caller = await resolver.resolve(bearerOf(authorization));
      limiter.take(caller.workload.id);
      if (via === 'mint-aws-creds' && !mintAwsCreds())
        throw new NotFound('mint-aws-creds is switched off; see the migration page');
      minting = via === 'mint-aws-creds';
      const done = await run(caller);
      log.info(
        {
          via,
          workload: caller.workload.name,
          wallet: caller.workload.wallet,
          ms: Math.round(clock.monotonic() - since),
        },
        'minted',
      );
      return send(c, done);
    } catch (error) {
      // From here on vending has written the row of a failed exchange; everything before it is the door's to note.
      const byVending =
        minting && (error instanceof StsRefused || error instanceof StsUnavailable || error instanceof TagMismatch);
      if (!byVending) trail.note(refusalRow(clock, { via, authorization, caller, error }));
      const { status, kind } = kindOf(error);
      const fields = { via, workload: caller?.workload.name ?? '-', error: kind, ...errorFields(error) };
      if (status >= 500) log.error(fields, 'failed');
      else log.info(fields, 'refused');
      return send(c, withFields(brokerErrorForm(error, ['POST']), via));
    } finally {
      leave?.();
    }
  };

  const app = new Hono<AppEnv>({ getPath: rawPath });
  app.post('/v1/mint-aws-creds', c =>
    mint(c, 'mint-aws-creds', async caller => {
      const { credentials } = await vending.mint(caller, 'mint-aws-creds');
      const body = {
        access_key_id: credentials.accessKeyId,
        secret_access_key: credentials.secretAccessKey,
        session_token: credentials.sessionToken,
        expiration: Math.floor(credentials.expiration / 1_000),
        wallet: caller.workload.wallet,
      };
      return withFields(answer(200, 'application/json', JSON.stringify(body)), 'mint-aws-creds');
    }),
  );
  app.post('/v1/mint-oidc-jwt', c =>
    mint(c, 'mint-oidc-jwt', async caller =>
      answer(200, 'application/json', JSON.stringify(await mintOidcJwt(options, caller))),
    ),
  );
  for (const path of ['/v1/mint-aws-creds', '/v1/mint-oidc-jwt']) app.get(path, c => send(c, methodNotAllowed('POST')));
  app.get('/healthz', c => send(c, answer(200, 'text/plain', 'ok')));
  app.get('/readyz', c =>
    send(c, readiness(c.env?.outgoing === undefined ? c.req.header('Authorization') : c.env.authorization)),
  );
  app.get(MIGRATION_PATH, c => send(c, answer(200, 'text/plain; charset=utf-8', MIGRATION_TEXT)));
  if (wellKnown !== undefined) app.route('/', wellKnown);
  app.notFound(c => send(c, brokerErrorForm(new NotFound('nothing is served at this path'), [])));
  app.onError((error, c) => {
    log.error(errorFields(error), 'failed');
    return send(c, brokerErrorForm(error, []));
  });
  return app;
}

/** Callers of the old broker send `Bearer <session>`, and nothing else is taken. */
function bearerOf(authorization: string | undefined): string {
  const value = /^Bearer ([^\s]+)$/i.exec(authorization ?? '')?.[1];
  if (value === undefined) {
    throw new InvalidAuthorizationToken(
      authorization === undefined || authorization === ''
        ? 'no bearer; send Authorization: Bearer <session>'
        : 'a malformed Authorization header; send Authorization: Bearer <session>',
    );
  }
  return value;
}

function methodNotAllowed(allow: string): Answer {
  return answer(405, 'application/json', JSON.stringify({ error: 'method_not_allowed', message: `use ${allow}` }), [
    'Allow',
    allow,
  ]);
}

function withFields(made: Answer, via: MintVia): Answer {
  return via === 'mint-aws-creds' ? { ...made, headers: [...made.headers, ...DEPRECATED] } : made;
}

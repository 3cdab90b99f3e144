/**
 * The credentials endpoint: `GET /v1/credentials`, `GET /v1/credentials/<workload>`, `GET /v2/credentials/<id>`.
 *
 * Everything on the way of an answer from memory is synchronous and prepared: the caller by one HMAC, the answer's bytes
 * once per credentials.
 *
 * @module
 */
import { type Context, Hono } from 'hono';
import type { Caller, CallerResolver } from '../../auth/caller.ts';
import type { Credentials } from '../../credentials/credentials.ts';
import type { Vended, Vending } from '../../credentials/vending.ts';
import type { Clock } from '../../lib/clock.ts';
import { TooManyConnections } from '../../lib/errors.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { metricLabel } from '../../workload/workload.ts';
import { type AppEnv, rawPath, send } from '../node-adapter.ts';
import { type Answer, credentialsErrorForm, loggedReason, publicError } from '../response.ts';
import { credentialsAnswer, wireDate } from './body.ts';
import { byId, byToken, NOT_FOUND, type RelativeLookup } from './who.ts';

export type { RelativeLookup } from './who.ts';

/** A request that was not answered with credentials. */
export interface EndpointRefusal {
  readonly error: unknown;
  readonly code: string;
  readonly route: string;
  /** The raw header; a secret. For the audit log's hash. */
  readonly authorization: string | undefined;
  /** Who it was, where that was found out before the refusal. */
  readonly caller: Caller | undefined;
}

export interface EndpointOptions {
  readonly resolver: CallerResolver;
  readonly relative: RelativeLookup;
  readonly vending: Vending;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told of every refusal, after metrics and log; must not throw. */
  readonly refused?: ((refusal: EndpointRefusal) => void) | undefined;
}

/** What is prepared once per credentials. */
interface Prepared {
  readonly answer: Answer;
  /** A logger with what all lines of these credentials from memory say; made for the first such line. */
  log: Logger | undefined;
}

const GET = ['GET'];
const ROUTES = { own: '/v1/credentials', named: '/v1/credentials/:workload', relative: '/v2/credentials/:id' } as const;
const NAMED_PREFIX = '/v1/credentials/'.length;
const RELATIVE_PREFIX = '/v2/credentials/'.length;

/**
 * @example
 * ```ts
 * const app = createEndpointApp({ resolver, relative: () => undefined, vending, clock, log, metrics });
 * const answer = await app.request('/v1/credentials', { headers: { Authorization: token } });
 * ```
 */
export function createEndpointApp(options: EndpointOptions): Hono<AppEnv> {
  const { resolver, relative, vending, clock, log, metrics } = options;
  const prepared = new WeakMap<Credentials, Prepared>();

  const refuse = (c: Context<AppEnv>, error: unknown, route: string, caller: Caller | undefined): Response => {
    const { code, status } = publicError(error);
    const workload = caller?.workload.name ?? '-';
    metrics.request(caller === undefined ? '-' : metricLabel(caller.workload), code);
    const fields = { workload, route, code };
    if (status === 500) log.error({ ...fields, cause: errorFields(error) }, 'failed');
    else log.info({ ...fields, reason: loggedReason(error) }, 'refused');
    options.refused?.({ error, code, route, authorization: authorizationOf(c), caller });
    return send(c, credentialsErrorForm(error, GET));
  };

  const give = (c: Context<AppEnv>, caller: Caller, { credentials, source }: Vended, since: number): Response => {
    const known = prepared.get(credentials);
    const answer = known === undefined ? credentialsAnswer(credentials) : known.answer;
    metrics.request(metricLabel(caller.workload), source === 'memory' ? 'ok_memory' : 'ok_fresh');
    const response = send(c, answer);
    const ms = Math.round((clock.monotonic() - since) * 1000) / 1000;
    if (known === undefined) prepared.set(credentials, { answer, log: undefined });
    if (known === undefined || source !== 'memory') {
      // Most SDKs ask once for credentials: a logger of their own would hold 700 bytes for each workload.
      log.info({ ...fieldsOf(caller, credentials), source, ms }, 'vended');
    } else {
      known.log ??= log.child({ ...fieldsOf(caller, credentials), source });
      known.log.info({ ms }, 'vended');
    }
    return response;
  };

  /** Vends for a caller; synchronous all the way when the caller and the credentials are in memory. */
  const vend = (
    c: Context<AppEnv>,
    caller: Caller,
    since: number,
    route: string,
    spent: number,
  ): Response | Promise<Response> => {
    try {
      if (c.env?.claim?.(caller.workload.id) === false) {
        throw new TooManyConnections('this workload has a quarter of all connections already; keep fewer open');
      }
      const vended = vending.vend(caller, spent);
      if (!(vended instanceof Promise)) return give(c, caller, vended, since);
      return vended.then(done => give(c, caller, done, since)).catch(error => refuse(c, error, route, caller));
    } catch (error) {
      return refuse(c, error, route, caller);
    }
  };

  const serve = (c: Context<AppEnv>, route: string, who: () => Caller | Promise<Caller>) => {
    const since = clock.monotonic();
    try {
      const caller = who();
      if (!(caller instanceof Promise)) return vend(c, caller, since, route, 0);
      return caller.then(
        found => vend(c, found, since, route, clock.monotonic() - since),
        error => refuse(c, error, route, undefined),
      );
    } catch (error) {
      return refuse(c, error, route, undefined);
    }
  };

  const app = new Hono<AppEnv>({ getPath: rawPath });
  app.get(ROUTES.own, c => serve(c, ROUTES.own, () => byToken(resolver, authorizationOf(c), undefined)));
  app.get(ROUTES.named, c => {
    const named = pathIn(c).slice(NAMED_PREFIX);
    return serve(c, ROUTES.named, () => byToken(resolver, authorizationOf(c), named));
  });
  app.get(ROUTES.relative, c => {
    const id = pathIn(c).slice(RELATIVE_PREFIX);
    const remoteAddress = c.env?.remoteAddress;
    return serve(c, ROUTES.relative, () =>
      byId(relative, resolver, { id, remoteAddress, authorization: authorizationOf(c) }),
    );
  });
  app.notFound(c => refuse(c, NOT_FOUND, '-', undefined));
  app.onError((error, c) => refuse(c, error, '-', undefined));
  return app;
}

/** What the line of a vend says of it. */
function fieldsOf({ workload }: Caller, credentials: Credentials) {
  return {
    workload: workload.name,
    wallet: workload.wallet,
    access_key_id: credentials.accessKeyId,
    expires: wireDate(credentials.expiration),
  };
}

function authorizationOf(c: Context<AppEnv>): string | undefined {
  return c.env?.outgoing === undefined ? c.req.header('Authorization') : c.env.authorization;
}

function pathIn(c: Context<AppEnv>): string {
  return rawPath(c.req.raw, { env: c.env });
}

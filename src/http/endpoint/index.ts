/**
 * The credentials endpoint: `GET /v1/credentials`, `GET /v1/credentials/<workload>`, `GET /v2/credentials/<id>`.
 *
 * It is a function from a validated request to a response. For a static token and credentials in memory it is synchronous.
 *
 * @module
 */
import type { Caller } from '../../auth/caller.ts';
import type { Vended, Vending } from '../../credentials/vending.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { createRefusalLog } from '../../lib/refusal-log.ts';
import { isoSeconds } from '../../lib/time/iso.ts';
import { metricLabel } from '../../workload/workload.ts';
import { type HttpResponse, loggedReason, publicError, serializeError } from '../response.ts';
import { type Authentication, authenticate, type EndpointRequest, type Route, routeOf } from './authenticate.ts';
import { credentialsResponse } from './body.ts';

export type { EndpointRequest } from './authenticate.ts';

/** A request that was not answered with credentials. */
export interface EndpointRefusal {
  readonly error: unknown;
  readonly code: string;
  readonly route: Route;
  /** The raw header; a secret. For the audit log's hash. */
  readonly authorization: string | undefined;
  /** Undefined where authentication failed. */
  readonly caller: Caller | undefined;
}

export interface EndpointOptions extends Authentication {
  readonly vending: Vending;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told of every refusal, after metrics and log; must not throw. */
  readonly refused?: ((refusal: EndpointRefusal) => void) | undefined;
}

/** Never throws, and its promise never rejects: a failure is a response too. */
export type Endpoint = (request: EndpointRequest) => HttpResponse | Promise<HttpResponse>;

/** What is made once for cached credentials. */
interface Prepared {
  readonly response: HttpResponse;
  /** Its lines hold the fields that all lines of these credentials have. */
  readonly log: Logger;
}

const ALLOW = ['GET'];

/**
 * @example
 * ```ts
 * const endpoint = createEndpoint({ authenticator, relative: () => undefined, vending, clock, log, metrics });
 * const { status, body } = await endpoint(request);
 * ```
 */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const { vending, clock, log, metrics } = options;
  const logRefusal = createRefusalLog({ log, clock });
  const prepared = new WeakMap<Vended['credentials'], Prepared>();

  return request => {
    const since = clock.monotonic();
    const matched = routeOf(request.path);
    let caller: Caller | undefined;

    const refuse = (error: unknown): HttpResponse => {
      const { code, status } = publicError(error);
      const { route } = matched;
      metrics.request(caller === undefined ? '-' : metricLabel(caller.workload), code);
      const fields = { workload: caller?.workload.name ?? '-', route, code };
      if (status === 500) log.error({ ...fields, cause: errorFields(error) }, 'failed');
      else logRefusal(code, { ...fields, reason: loggedReason(error) });
      options.refused?.({ error, code, route, authorization: request.authorization, caller });
      return serializeError(error, ALLOW);
    };
    const vend = (found: Caller, spent: number): HttpResponse | Promise<HttpResponse> => {
      caller = found;
      request.authenticated(found.workload.id);
      const vended = vending.vend(found, spent);
      return vended instanceof Promise ? vended.then(done => give(found, done, since)) : give(found, vended, since);
    };

    try {
      const found = authenticate(options, request, matched);
      const response =
        found instanceof Promise ? found.then(known => vend(known, clock.monotonic() - since)) : vend(found, 0);
      return response instanceof Promise ? response.catch(refuse) : response;
    } catch (error) {
      return refuse(error);
    }
  };

  function give(caller: Caller, { credentials, body, source }: Vended, since: number): HttpResponse {
    metrics.request(metricLabel(caller.workload), source);
    const ms = Math.round((clock.monotonic() - since) * 1000) / 1000;
    if (source === 'fetched') {
      // Most SDKs ask once for credentials: what is prepared for more requests takes 1 KB per workload.
      log.info({ ...fieldsOf(caller, credentials), source, ms }, 'vended');
      return credentialsResponse(body);
    }
    let known = prepared.get(credentials);
    if (known === undefined) {
      known = { response: credentialsResponse(body), log: log.child({ ...fieldsOf(caller, credentials), source }) };
      prepared.set(credentials, known);
    }
    known.log.info({ ms }, 'vended');
    return known.response;
  }
}

/** The fields of the log line of a vend. */
function fieldsOf({ workload }: Caller, credentials: Vended['credentials']) {
  return {
    workload: workload.name,
    wallet: workload.wallet,
    access_key_id: credentials.accessKeyId,
    expires: isoSeconds(credentials.expiration),
  };
}

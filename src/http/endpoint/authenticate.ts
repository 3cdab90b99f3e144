/**
 * Who is asking, by route: a token for `/v1`, the id in the path for `/v2`.
 *
 * @module
 */
import type { Authenticator } from '../../auth/authenticator.ts';
import type { Caller } from '../../auth/caller.ts';
import { InvalidAuthorizationToken, NotFound, reusable, WorkloadMismatch } from '../../lib/errors.ts';
import type { HttpRequest } from '../request-handler.ts';

/** The one 404: an unknown path, a wrong id and a wrong source can't be told apart. */
const NOT_FOUND = reusable(new NotFound('nothing is served at this path; credentials are at /v1/credentials'));
const MISMATCH = reusable(
  new WorkloadMismatch('the path names a workload that this token is not for; ask for /v1/credentials'),
);
const NOT_ITS_OWN = reusable(
  new InvalidAuthorizationToken('the Authorization header is not of the workload that the path belongs to'),
);

/** A request as far as the endpoint needs it. */
export type EndpointRequest = Pick<HttpRequest, 'path' | 'authorization' | 'remoteAddress' | 'authenticated'>;

/** Finds the caller behind the id of `/v2/credentials/<id>`; undefined for a wrong id and for a wrong source. */
export type RelativeLookup = (id: string, remoteAddress: string | undefined) => Caller | undefined;

/** A route's template, for log and audit; `-` for a path that doesn't exist. */
export type Route = '/v1/credentials' | '/v1/credentials/:workload' | '/v2/credentials/:id' | '-';

const V1 = '/v1/credentials';
const V2 = '/v2/credentials';

/** Compared as it came: nothing is decoded, and a trailing slash makes another path. */
export function routeOf(path: string): { readonly route: Route; readonly segment: string } {
  if (path === V1) return { route: V1, segment: '' };
  const segment = path.slice(V1.length + 1);
  if (segment !== '' && !segment.includes('/')) {
    if (path.startsWith(`${V1}/`)) return { route: '/v1/credentials/:workload', segment };
    if (path.startsWith(`${V2}/`)) return { route: '/v2/credentials/:id', segment };
  }
  return { route: '-', segment: '' };
}

export interface Authentication {
  readonly authenticator: Authenticator;
  readonly relative: RelativeLookup;
}

/** @throws NotFound, WorkloadMismatch, and what the authenticator throws */
export function authenticate(
  { authenticator, relative }: Authentication,
  request: EndpointRequest,
  { route, segment }: ReturnType<typeof routeOf>,
): Caller | Promise<Caller> {
  switch (route) {
    case '/v1/credentials':
      return authenticator.authenticate(request.authorization);
    case '/v1/credentials/:workload':
      return after(authenticator.authenticate(request.authorization), caller => mustBeNamed(caller, segment));
    case '/v2/credentials/:id': {
      const caller = relative(segment, request.remoteAddress);
      if (caller === undefined) throw NOT_FOUND;
      // Many clients send no header here. One that is sent must be this workload's.
      if (request.authorization === undefined || request.authorization === '') return caller;
      return after(authenticator.authenticate(request.authorization), other => mustBeSame(caller, other));
    }
    case '-':
      throw NOT_FOUND;
  }
}

/** The path may name the workload, but never choose it: another's name and an unknown one are the same error. */
function mustBeNamed(caller: Caller, name: string): Caller {
  if (caller.workload.name === name) return caller;
  throw MISMATCH;
}

function mustBeSame(caller: Caller, other: Caller): Caller {
  if (other.workload.id === caller.workload.id) return caller;
  throw NOT_ITS_OWN;
}

function after(found: Caller | Promise<Caller>, check: (caller: Caller) => Caller): Caller | Promise<Caller> {
  return found instanceof Promise ? found.then(check) : check(found);
}

/**
 * Who is asking, by route: a token for `/v1`, the id in the path for `/v2`.
 *
 * @module
 */

import type { Caller, CallerResolver } from '../../auth/caller.ts';
import { InvalidAuthorizationToken, NotFound, reusable, WorkloadMismatch } from '../../lib/errors.ts';

/** The one 404: an unknown path, a wrong id and a wrong source can't be told apart. */
export const NOT_FOUND = reusable(new NotFound('nothing is served at this path; credentials are at /v1/credentials'));
const MISMATCH = reusable(
  new WorkloadMismatch('the path names a workload that this token is not for; ask for /v1/credentials'),
);
const NOT_ITS_OWN = reusable(
  new InvalidAuthorizationToken('the Authorization header is not of the workload that the path belongs to'),
);

/** Finds the caller behind the id of `/v2/credentials/<id>`; undefined for a wrong id and a wrong source alike. */
export type RelativeLookup = (id: string, remoteAddress: string | undefined) => Caller | undefined;

/**
 * `/v1`: the token says who it is; the path may name the workload but never choose it.
 *
 * @param named the path's last segment, raw; undefined where the path has none
 * @throws what the resolver throws; WorkloadMismatch, alike for another's name and for nobody's
 */
export function byToken(
  resolver: CallerResolver,
  authorization: string | undefined,
  named: string | undefined,
): Caller | Promise<Caller> {
  const caller = resolver.resolve(authorization);
  if (named === undefined) return caller;
  return caller instanceof Promise ? caller.then(found => mustBe(found, named)) : mustBe(caller, named);
}

/**
 * `/v2`: the id alone authenticates. No header is fine, since many clients send none there; one that is sent must be this
 * workload's.
 *
 * @throws NotFound as for a path that doesn't exist; InvalidAuthorizationToken
 */
export function byId(
  relative: RelativeLookup,
  resolver: CallerResolver,
  request: { id: string; remoteAddress: string | undefined; authorization: string | undefined },
): Caller | Promise<Caller> {
  const caller = relative(request.id, request.remoteAddress);
  if (caller === undefined) throw NOT_FOUND;
  if (request.authorization === undefined || request.authorization === '') return caller;
  const shown = resolver.resolve(request.authorization);
  return shown instanceof Promise ? shown.then(found => same(caller, found)) : same(caller, shown);
}

function mustBe(caller: Caller, named: string): Caller {
  if (caller.workload.name === named) return caller;
  throw MISMATCH;
}

function same(caller: Caller, shown: Caller): Caller {
  if (shown.workload.id === caller.workload.id) return caller;
  throw NOT_ITS_OWN;
}

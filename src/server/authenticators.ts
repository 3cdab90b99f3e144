/**
 * The doors: which proofs count at which listener, made from one configuration and swapped whole at a reload.
 *
 * A proof that has to be asked about takes time, and the configuration may change meanwhile: what came out is then judged
 * again by the new one, so that no door ever lets through an identity that the current configuration lacks.
 *
 * @module
 */

import { createCallers } from '../auth/authenticator.ts';
import type { Caller, CallerResolver } from '../auth/caller.ts';
import { createProofWorkloads } from '../auth/dynamic-workloads.ts';
import { createIssuerKeys, type IssuerKeys } from '../auth/jwks.ts';
import { createJwtCallers, issuerUnavailable, looksLikeJwt } from '../auth/jwt.ts';
import { createSessionBackend, type SessionBackend } from '../auth/session-backend.ts';
import { createTokenTable, type TokenEntry, type TokenTable, withoutScheme } from '../auth/static-tokens.ts';
import type { CallerListener, Config, JwtCallerConfig } from '../config/types.ts';
import { createSourceGuard } from '../http/source-guard.ts';
import type { Clock } from '../lib/clock.ts';
import { SessionBackendUnavailable } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { probeReachable, type ReachableProbe } from '../lib/reachable.ts';
import { within } from '../lib/timeout.ts';

/** How long a request at the endpoint waits for a backend or an issuer: its clients give up after a second. */
const ENDPOINT_PATIENCE_MS = 900;

export interface Doors {
  readonly endpoint: CallerResolver;
  readonly broker: CallerResolver;
  /** `/v2/credentials/<id>`. */
  relative(id: string, remoteAddress: string | undefined): Caller | undefined;
  /** Whether the current configuration still yields this caller: false once a reload has come in between. */
  holds(caller: Caller): boolean;
  /** Takes effect with the next request; replaced tokens have their overlap. */
  update(config: Config): void;
  /** What each issuer and the session backend last had to complain about. */
  problems(): readonly { readonly name: string; readonly problem: string | undefined }[];
  close(): void;
}

/** What one configuration makes of the proofs that have to be asked about. */
interface Generation {
  readonly resolvers: Readonly<Record<CallerListener, CallerResolver>>;
  readonly keys: ReadonlyMap<string, IssuerKeys>;
  readonly sessions: readonly SessionBackend[];
  /** Whether the session backend can be connected to. */
  readonly probe: ReachableProbe | undefined;
}

export function createDoors(initial: Config, deps: { clock: Clock; log: Logger }): Doors {
  const { clock, log } = deps;
  let config = initial;
  const workloads = createProofWorkloads(() => config);
  const tokens = createTokenTable('token', tokenEntries(config), clock);
  const relatives = createTokenTable('relative', relativeEntries(config), clock);
  const bearers = createTokenTable('bearer', bearerEntries(config), clock);
  /** Of callers that were asked about: which configuration they are of. */
  const madeBy = new WeakMap<Caller, Generation>();
  let current = generation(undefined);

  function generation(before: Generation | undefined): Generation {
    const { callers, stateDir } = config;
    // Keys outlive a reload that leaves their issuer as it was: a fetch anew could fail just then.
    const keys = new Map(
      callers.jwt.map(issuer => {
        const id = idOf(issuer);
        return [id, before?.keys.get(id) ?? createIssuerKeys({ config: issuer, stateDir, clock, log })] as const;
      }),
    );
    const sessions: SessionBackend[] = [];
    const resolver = (listener: CallerListener, table: TokenTable): CallerResolver => {
      const issuers = callers.jwt.flatMap(issuer => {
        const found = keys.get(idOf(issuer));
        return found !== undefined && issuer.listeners.includes(listener) ? [{ config: issuer, keys: found }] : [];
      });
      const backend = callers.sessionBackend;
      const session = backend?.listeners.includes(listener)
        ? createSessionBackend({ config: backend, workloads, clock, listener })
        : undefined;
      if (session !== undefined) sessions.push(session);
      const jwt = issuers.length === 0 ? undefined : createJwtCallers({ issuers, workloads, clock });
      return createCallers({ token: authorization => table.find(authorization), jwt, session });
    };
    const resolvers = { endpoint: resolver('endpoint', tokens), broker: resolver('broker', bearers) };
    const backend = callers.sessionBackend;
    return { resolvers, keys, sessions, probe: backend && probeReachable(backend.url, clock) };
  }

  function resolve(listener: CallerListener, authorization: string | undefined): Caller | Promise<Caller> {
    const asked = current;
    const found = asked.resolvers[listener].resolve(authorization);
    if (!(found instanceof Promise)) return found;
    return found.then(caller => {
      if (current !== asked) return resolve(listener, authorization);
      madeBy.set(caller, asked);
      return caller;
    });
  }

  function patiently(authorization: string | undefined, found: Caller | Promise<Caller>): Caller | Promise<Caller> {
    const late = () =>
      looksLikeJwt(withoutScheme(authorization ?? ''))
        ? issuerUnavailable(`no keys within ${ENDPOINT_PATIENCE_MS} ms`)
        : new SessionBackendUnavailable('the session backend has not answered in time; ask again');
    return found instanceof Promise ? within(found, ENDPOINT_PATIENCE_MS, clock, late) : found;
  }

  return {
    endpoint: { resolve: authorization => patiently(authorization, resolve('endpoint', authorization)) },
    broker: { resolve: authorization => resolve('broker', authorization) },
    relative: (id, remoteAddress) => relatives.find(id, remoteAddress),
    holds(caller) {
      if (caller.kind === 'jwt' || caller.kind === 'session') return madeBy.get(caller) === current;
      const { name, id } = caller.workload;
      return config.workloads.get(name)?.workload.id === id;
    },
    update(next) {
      config = next;
      const overlap = next.endpoint.tokenOverlapMs;
      tokens.replace(tokenEntries(next), overlap);
      relatives.replace(relativeEntries(next), overlap);
      bearers.replace(bearerEntries(next), overlap);
      current.probe?.close();
      current = generation(current);
    },
    problems() {
      const { keys, sessions, probe } = current;
      const issuers = config.callers.jwt.map(issuer => ({
        name: `jwks ${issuer.issuer}`,
        problem: keys.get(idOf(issuer))?.problem,
      }));
      if (probe === undefined) return issuers;
      const problem = sessions.map(session => session.problem).find(text => text !== undefined) ?? probe.problem;
      return [...issuers, { name: 'session_backend', problem }];
    },
    close: () => current.probe?.close(),
  };
}

/** Issuer and place of its keys. */
function idOf({ issuer, jwks }: JwtCallerConfig): string {
  return JSON.stringify([issuer, jwks]);
}

function tokenEntries(config: Config): TokenEntry[] {
  return [...config.workloads.values()].flatMap(({ token, workload }) =>
    token === undefined ? [] : [{ value: token.value, workload }],
  );
}

function bearerEntries(config: Config): TokenEntry[] {
  return [...config.workloads.values()].flatMap(({ bearer, workload }) =>
    bearer === undefined ? [] : [{ value: bearer.value, workload }],
  );
}

function relativeEntries(config: Config): TokenEntry[] {
  return [...config.workloads.values()].flatMap(({ relativeUri, workload }) =>
    relativeUri === undefined ? [] : [{ value: relativeUri.id, workload, from: createSourceGuard(relativeUri.from) }],
  );
}

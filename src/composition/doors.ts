/**
 * The doors: which proofs count at which listener, made from one configuration and swapped whole at a reload.
 *
 * @module
 */
import type { Clock } from '../clock.ts';
import type { CallerListener, Config, JwtCallerConfig } from '../config/config.ts';
import { createSourceGuard } from '../http/guards/source.ts';
import type { Logger } from '../log.ts';
import type { Caller, CallerResolver } from '../workload/caller.ts';
import { createCallers } from '../workload/callers.ts';
import { createIssuerKeys, type IssuerKeys } from '../workload/jwks.ts';
import { createJwtCallers } from '../workload/jwt-callers.ts';
import { createProofWorkloads } from '../workload/proof-workloads.ts';
import { createSessionBackend, type SessionBackend } from '../workload/session-backend.ts';
import { createTokenTable, type TokenEntry } from '../workload/token-table.ts';

export interface Doors {
  readonly endpoint: CallerResolver;
  readonly broker: CallerResolver;
  /** `/v2/credentials/<id>`. */
  relative(id: string, remoteAddress: string | undefined): Caller | undefined;
  /** Takes effect with the next request; replaced tokens have their overlap. */
  update(config: Config): void;
  /** What each issuer and the session backend last had to complain about. */
  problems(): readonly { readonly name: string; readonly problem: string | undefined }[];
}

export function createDoors(initial: Config, deps: { clock: Clock; log: Logger }): Doors {
  const { clock, log } = deps;
  let config = initial;
  const workloads = createProofWorkloads(() => config);
  const tokens = createTokenTable('token', tokenEntries(config), clock);
  const relatives = createTokenTable('relative', relativeEntries(config), clock);
  const bearers = createTokenTable('bearer', bearerEntries(config), clock);
  // Keys outlive a reload that leaves their issuer as it was: a fetch anew could fail just then.
  const keys = new Map<string, IssuerKeys>();
  const sessions = new Map<CallerListener, SessionBackend>();
  let current = build();

  function keysOf(issuer: JwtCallerConfig): IssuerKeys {
    const id = JSON.stringify([issuer.issuer, issuer.jwks]);
    const known = keys.get(id) ?? createIssuerKeys({ config: issuer, stateDir: config.stateDir, clock, log });
    keys.set(id, known);
    return known;
  }

  function build(): Record<CallerListener, CallerResolver> {
    sessions.clear();
    const resolver = (listener: CallerListener, table: typeof tokens): CallerResolver => {
      const issuers = config.callers.jwt.filter(issuer => issuer.listeners.includes(listener));
      const backend = config.callers.sessionBackend;
      const session = backend?.listeners.includes(listener)
        ? createSessionBackend({ config: backend, workloads, clock, believeYes: listener === 'endpoint' })
        : undefined;
      if (session !== undefined) sessions.set(listener, session);
      return createCallers({
        token: authorization => table.find(authorization),
        jwt:
          issuers.length === 0
            ? undefined
            : createJwtCallers({
                issuers: issuers.map(issuer => ({ config: issuer, keys: keysOf(issuer) })),
                workloads,
                clock,
              }),
        session,
      });
    };
    return { endpoint: resolver('endpoint', tokens), broker: resolver('broker', bearers) };
  }

  return {
    endpoint: { resolve: authorization => current.endpoint.resolve(authorization) },
    broker: { resolve: authorization => current.broker.resolve(authorization) },
    relative: (id, remoteAddress) => relatives.find(id, remoteAddress),
    update(next) {
      config = next;
      const overlap = next.endpoint.tokenOverlapMs;
      tokens.replace(tokenEntries(next), overlap);
      relatives.replace(relativeEntries(next), overlap);
      bearers.replace(bearerEntries(next), overlap);
      current = build();
    },
    problems: () => [
      ...config.callers.jwt.map(issuer => ({ name: `jwks ${issuer.issuer}`, problem: keysOf(issuer).problem })),
      ...[...sessions].map(([listener, session]) => ({
        name: `session_backend (${listener})`,
        problem: session.problem,
      })),
    ],
  };
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

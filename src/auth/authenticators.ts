/**
 * The authenticators of one configuration. They never change; a reload builds new ones.
 *
 * A reload carries over, by identity: an issuer's keys, a session backend's answers, replaced static tokens for their
 * overlap, and dynamic workloads that stay the same under the new configuration.
 *
 * @module
 */
import type { CallerListener, Config, JwtCallerConfig, SessionBackendConfig, WorkloadConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { probeReachable, type ReachableProbe } from '../lib/reachable.ts';
import { createSourceGuard } from '../lib/source-guard.ts';
import type { Workload } from '../workload/workload.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import type { Caller } from './caller.ts';
import { DynamicWorkloads } from './dynamic-workloads.ts';
import { createJwksCache, type JwksCache } from './jwks.ts';
import { createJwtAuthenticator } from './jwt.ts';
import { createSessionBackend, type SessionBackend } from './session-backend.ts';
import { StaticTokens, type TokenEntry, type TokenKind } from './static-tokens.ts';

export interface AuthenticatorsDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** State that a reload carries over. */
interface Carried {
  readonly tokens: Readonly<Record<TokenKind, StaticTokens>>;
  readonly workloads: DynamicWorkloads;
  readonly jwks: ReadonlyMap<string, JwksCache>;
  readonly backends: ReadonlyMap<string, SessionBackend>;
  readonly probes: ReadonlyMap<string, ReachableProbe>;
}

export class Authenticators {
  readonly endpoint: Authenticator;
  readonly broker: Authenticator;
  readonly #config: Config;
  readonly #carried: Carried;
  /** Callers that were authenticated by a JWT or a session, under this configuration. */
  readonly #authenticated = new WeakSet<Caller>();

  private constructor(config: Config, carried: Carried, clock: Clock) {
    this.#config = config;
    this.#carried = carried;
    this.endpoint = this.#at('endpoint', carried.tokens.token, clock);
    this.broker = this.#at('broker', carried.tokens.bearer, clock);
  }

  /** Pauses now and then, see `inSlices`. @throws Error where two workloads have one static value */
  static *build(config: Config, deps: AuthenticatorsDeps, previous?: Authenticators): Generator<void, Authenticators> {
    const { clock, log } = deps;
    const { callers, stateDir, endpoint, workloads: configured } = config;
    const before = previous === undefined ? undefined : previous.#carried;
    const entries = [...configured.values()];
    const tokensOf = (kind: TokenKind, of: (entry: WorkloadConfig) => Omit<TokenEntry, 'workload'> | undefined) => {
      const values = entries.flatMap(entry => {
        const value = of(entry);
        return value === undefined ? [] : [{ ...value, workload: entry.workload }];
      });
      return StaticTokens.build(kind, values, {
        clock,
        overlapMs: endpoint.tokenOverlapMs,
        previous: before?.tokens[kind],
      });
    };
    const tokens = {
      token: yield* tokensOf('token', ({ token }) => token && { value: token.value }),
      bearer: yield* tokensOf('bearer', ({ bearer }) => bearer && { value: bearer.value }),
      relative: yield* tokensOf(
        'relative',
        ({ relativeUri }) => relativeUri && { value: relativeUri.id, from: createSourceGuard(relativeUri.from) },
      ),
    };
    const workloads = yield* DynamicWorkloads.build(config, before?.workloads);
    const jwks = new Map(
      callers.jwt.map(issuer => {
        const id = jwksIdOf(issuer);
        return [id, before?.jwks.get(id) ?? createJwksCache({ config: issuer, stateDir, clock, log })] as const;
      }),
    );
    const backend = callers.sessionBackend;
    const backends = new Map(
      (backend?.listeners ?? []).map(listener => {
        const id = backendIdOf(backend as SessionBackendConfig, listener);
        const kept = before?.backends.get(id);
        return [
          id,
          kept ?? createSessionBackend({ config: backend as SessionBackendConfig, clock, listener }),
        ] as const;
      }),
    );
    const url = backend?.url;
    const probes = new Map(
      url === undefined ? [] : [[url, before?.probes.get(url) ?? probeReachable(url, clock, backend?.proxy)] as const],
    );
    return new Authenticators(config, { tokens, workloads, jwks, backends, probes }, clock);
  }

  /** The caller of `/v2/credentials/<id>`; undefined for a wrong id or source. */
  relative(id: string, remoteAddress: string | undefined): Caller | undefined {
    return this.#carried.tokens.relative.find(id, remoteAddress);
  }

  /** Whether this configuration yields the caller. */
  yields(caller: Caller): boolean {
    if (caller.kind === 'jwt' || caller.kind === 'session') return this.#authenticated.has(caller);
    const { name, id } = caller.workload;
    return this.#config.workloads.get(name)?.workload.id === id;
  }

  /** Whether a dynamic workload is the same under this configuration. */
  makes(workload: Workload): boolean {
    return this.#carried.workloads.has(workload);
  }

  /** The last failure of each issuer's JWKS and of the session backend. */
  problems(): readonly { readonly name: string; readonly problem: string | undefined }[] {
    const { jwks, backends, probes } = this.#carried;
    const found = this.#config.callers.jwt.map(issuer => ({
      name: `jwks ${issuer.issuer}`,
      problem: jwks.get(jwksIdOf(issuer))?.problem,
    }));
    for (const probe of probes.values()) {
      const problem =
        [...backends.values()].map(each => each.problem).find(text => text !== undefined) ?? probe.problem;
      found.push({ name: 'session_backend', problem });
    }
    return found;
  }

  /** Ends the probes, except those that `next` has taken over. */
  close(next?: Authenticators): void {
    const kept = next === undefined ? undefined : next.#carried.probes;
    for (const [url, probe] of this.#carried.probes) if (kept?.get(url) !== probe) probe.close();
  }

  #at(listener: CallerListener, tokens: StaticTokens, clock: Clock): Authenticator {
    const { workloads, jwks, backends } = this.#carried;
    const issuers = this.#config.callers.jwt.flatMap(issuer => {
      const keys = jwks.get(jwksIdOf(issuer));
      return keys !== undefined && issuer.listeners.includes(listener) ? [{ config: issuer, keys }] : [];
    });
    const { sessionBackend } = this.#config.callers;
    const backend = sessionBackend && backends.get(backendIdOf(sessionBackend, listener));
    const inner = createAuthenticator({
      token: authorization => tokens.find(authorization),
      jwt: issuers.length === 0 ? undefined : createJwtAuthenticator({ issuers, workloads, clock }),
      session: backend && (bearer => backend.authenticate(bearer, workloads)),
    });
    return {
      authenticate: authorization => {
        const found = inner.authenticate(authorization);
        if (!(found instanceof Promise)) return found;
        return found.then(caller => {
          this.#authenticated.add(caller);
          return caller;
        });
      },
    };
  }
}

/** The issuer and the source of its keys. */
function jwksIdOf({ issuer, jwks }: JwtCallerConfig): string {
  return JSON.stringify([issuer, jwks]);
}

/** Everything that an answer of the backend depends on. The allowed wallets are checked after it. */
function backendIdOf(
  { wallets: _, listeners: __, ...backend }: SessionBackendConfig,
  listener: CallerListener,
): string {
  return JSON.stringify([listener, backend]);
}

/**
 * Credentials in memory: how long they are good for, from when they are renewed, and which audit windows cover them.
 *
 * @module
 */
import type { IssuedCredentials } from '../audit/event.ts';
import type { Workload } from '../workload/workload.ts';
import type { Audited, AuditWindow } from './audit-window.ts';
import { type Credentials, lifetime } from './credentials.ts';

const MINUTE = 60_000;

/** Credentials that may leave: their audit record is on disk. */
export interface Vended {
  readonly credentials: IssuedCredentials;
  /** The endpoint's answer, JSON. */
  readonly body: string;
  readonly source: 'cached' | 'fetched';
}

/** Below this much life left credentials are renewed: min(max(20 min, L/3), L/2), L being the lifetime that STS gave. */
export function renewalThreshold(lifetimeMs: number): number {
  return Math.min(Math.max(20 * MINUTE, lifetimeMs / 3), lifetimeMs / 2);
}

/**
 * One set of credentials of one identity. The secrets are in the answer's JSON alone, once. The
 * cached answer is made once, so giving it allocates nothing.
 */
export class CachedCredentials implements Audited {
  readonly workload: Workload;
  readonly credentials: IssuedCredentials;
  readonly cached: Vended;
  /** Life left below which they are not served. */
  readonly minRemainingLifetime: number;
  /** Life left below which they are renewed: the threshold, less up to a tenth at random, so that equal ones spread. */
  readonly renewBelow: number;
  /** Monotonic time at which they end by STS's own clock. */
  readonly #endsMonotonic: number;
  window: AuditWindow | undefined = undefined;
  windows: Map<string, AuditWindow> | undefined = undefined;

  /** @param options.jitter 0 to 1 */
  constructor(
    workload: Workload,
    credentials: Credentials,
    options: { readonly body: string; readonly minRemainingLifetime: number; readonly jitter: number },
  ) {
    const { accessKeyId, expiration, requestId } = credentials;
    const { body } = options;
    const given = lifetime(credentials);
    this.workload = workload;
    this.credentials = { accessKeyId, expiration, requestId };
    this.cached = Object.freeze({ credentials: this.credentials, body, source: 'cached' });
    this.minRemainingLifetime = Math.min(options.minRemainingLifetime, given / 4);
    this.renewBelow = renewalThreshold(given) * (1 - options.jitter / 10);
    this.#endsMonotonic = credentials.askedMonotonic + given;
  }

  /** `lifeLeft` of the credentials, from clock readings that the caller already has. */
  left(wall: number, monotonic: number): number {
    const byWall = this.credentials.expiration - wall;
    const byMonotonic = this.#endsMonotonic - monotonic;
    return Math.min(byWall, byMonotonic);
  }
}

/**
 * Credentials as STS gave them, and how long they are still good for.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';

/** Temporary credentials of one workload. Immutable. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** ms since the epoch, as STS dated it. */
  readonly expiration: number;
  /** The assumed role's ARN as configured, and the account in it (12 digits; empty where the ARN has none, as Ceph's). */
  readonly roleArn: string;
  readonly accountId: string;
  readonly sessionName: string;
  /** STS's request id, for the audit log. */
  readonly requestId: string | undefined;
  /** Wall time of this machine when the answer came. */
  readonly receivedAt: number;
  /** Monotonic time of this machine just before STS was asked, so never after STS's `Date`. */
  readonly askedMonotonic: number;
  /** STS's own `Date` header in ms; `receivedAt` where it sent none; never so early that they lived longer than was asked for. */
  readonly stsDate: number;
}

/** The lifetime that STS really gave, by its own clock; ms. */
export function lifetime(credentials: Credentials): number {
  return credentials.expiration - credentials.stsDate;
}

/**
 * Milliseconds for which the credentials are still valid: the smaller of the wall clock's value and of the monotonic
 * clock's since STS was asked. Neither a step of the clock nor a suspension, also between STS's answer and its arrival, makes
 * expired ones look valid.
 */
export function lifeLeft(credentials: Credentials, clock: Clock): number {
  const byWall = credentials.expiration - clock.wall();
  const byMonotonic = lifetime(credentials) - (clock.monotonic() - credentials.askedMonotonic);
  return Math.min(byWall, byMonotonic);
}

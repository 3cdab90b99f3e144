/**
 * A lease: for how long, and for whom, a row on disk covers vends of one set of credentials.
 *
 * @module
 */

import type { Caller } from '../auth/caller.ts';
import type { Workload } from '../workload/workload.ts';
import type { Credentials } from './credentials.ts';

/** Credentials in memory, as far as leases are concerned. Most have one caller: the lease used last is looked at first. */
export interface Covered {
  readonly workload: Workload;
  readonly credentials: Credentials;
  lease: Lease | undefined;
  leases: Map<string, Lease> | undefined;
}

type Who = Pick<Caller, 'kind' | 'tokenHash'>;

/** One caller's cover for one set of credentials. */
export class Lease {
  readonly held: Covered;
  readonly tokenHash: string;
  readonly kind: Caller['kind'];
  /** Monotonic time at which it ends. */
  until = Number.NEGATIVE_INFINITY;
  /** Vends that no row has counted yet; -1: a row has counted one that is still to come. */
  uncounted = 0;
  /** The row that opens or prolongs it is being written. */
  writing: Promise<void> | undefined = undefined;

  constructor(held: Covered, { tokenHash, kind }: Who) {
    this.held = held;
    this.tokenHash = tokenHash;
    this.kind = kind;
  }

  get hasCount(): boolean {
    return this.uncounted > 0;
  }

  attach(): void {
    const { held } = this;
    held.leases ??= new Map();
    held.leases.set(keyOf(this), this);
    held.lease = this;
  }

  detach(): void {
    const { held } = this;
    held.leases?.delete(keyOf(this));
    if (held.lease === this) held.lease = undefined;
    if (held.leases?.size === 0) held.leases = undefined;
  }
}

/** The lease of this caller for these credentials, ended or not. */
export function findLease(held: Covered, caller: Who): Lease | undefined {
  const last = held.lease;
  if (last !== undefined && last.tokenHash === caller.tokenHash && last.kind === caller.kind) return last;
  const lease = held.leases?.get(keyOf(caller));
  if (lease !== undefined) held.lease = lease;
  return lease;
}

function keyOf({ kind, tokenHash }: Who): string {
  return `${kind} ${tokenHash}`;
}

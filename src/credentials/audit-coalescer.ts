/**
 * Audit of vends from memory. Nothing leaves without a row on disk; yet a row for each of thousands of vends a second
 * would be a write for each, so a row opens a **lease**: for a second it covers further vends of the same credentials to
 * the same caller, which are counted and written with the next row, or by a timer when nobody asks again.
 *
 * A process that is killed loses at most that count of one second; that these credentials went to this caller is on disk.
 *
 * @module
 */
import type { CredentialsVended } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable } from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { type Covered, findLease, Lease } from './audit-window.ts';
import type { VendingLimits } from './limits.ts';

/** While the audit log is down, how often a vend from memory may try it anyway; ms. */
const PROBE = 1_000;
/** The part of a lease, from its end, in which the next row is written ahead, so that busy callers never wait for the disk. */
const AHEAD = 0.2;

export class Ledger {
  readonly #clock: Clock;
  readonly #auditLog: AuditLog;
  readonly #log: Logger;
  readonly #limits: VendingLimits;
  readonly #ahead: number;
  readonly #leases = new Set<Lease>();
  #cancelTimer: (() => void) | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly clock: Clock;
    readonly auditLog: AuditLog;
    readonly log: Logger;
    readonly limits: VendingLimits;
  }) {
    this.#clock = options.clock;
    this.#auditLog = options.auditLog;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#ahead = options.limits.lease * AHEAD;
  }

  /** Whether a row on disk covers this vend; if so it is counted. On the hot path: no promise, no allocation. */
  covers(held: Covered, caller: Caller, now: number): boolean {
    const lease = findLease(held, caller);
    if (lease === undefined || now >= lease.until) return false;
    lease.uncounted++;
    if (lease.until - now < this.#ahead) this.#writeAhead(lease, now);
    return true;
  }

  #writeAhead(lease: Lease, now: number): void {
    if (lease.writing !== undefined || !lease.hasCount || now - this.#failedAt < PROBE) return;
    this.#write(lease, 0).catch(() => {});
  }

  /**
   * Writes the row for a vend that no lease covers, and counts the vend.
   *
   * @throws AuditUnavailable: nothing may leave
   */
  async cover(held: Covered, caller: Caller): Promise<void> {
    const lease = findLease(held, caller) ?? this.#register(new Lease(held, caller));
    if (lease.writing === undefined) {
      const { available, reason } = this.#auditLog;
      if (!available && this.#clock.monotonic() - this.#failedAt < PROBE) throw unavailable(reason);
      await this.#write(lease, 1);
    } else {
      await lease.writing;
      lease.uncounted++;
    }
  }

  /** A fresh exchange's own row is on disk: it counts one vend to this caller, and covers more. */
  opened(held: Covered, caller: Caller): void {
    const lease = this.#register(new Lease(held, caller));
    lease.uncounted = -1;
    lease.until = this.#clock.monotonic() + this.#limits.lease;
  }

  /** Writes every count that is left. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    await Promise.all([...this.#leases].map(lease => lease.writing?.catch(() => {})));
    await Promise.all(
      [...this.#leases].filter(lease => lease.hasCount).map(lease => this.#write(lease, 0).catch(() => {})),
    );
    this.#leases.clear();
  }

  /** @param vends how many beside the uncounted ones the row stands for */
  #write(lease: Lease, vends: 0 | 1): Promise<void> {
    const counted = Math.max(0, lease.uncounted);
    lease.uncounted = 0;
    lease.writing = this.#append(this.#event(lease, counted + vends)).then(
      () => {
        lease.writing = undefined;
        lease.until = this.#clock.monotonic() + this.#limits.lease;
      },
      error => {
        lease.writing = undefined;
        lease.uncounted += counted;
        throw error;
      },
    );
    return lease.writing;
  }

  async #append(event: CredentialsVended): Promise<void> {
    try {
      await this.#auditLog.append(event);
    } catch (error) {
      this.#failedAt = this.#clock.monotonic();
      throw error instanceof AuditUnavailable ? error : unavailable(errorFields(error).message);
    }
  }

  #event({ held, tokenHash, kind }: Lease, count: number): CredentialsVended {
    const { workload, credentials } = held;
    return {
      type: 'credentials-vended',
      at: this.#clock.wall(),
      workload,
      requester: { tokenHash, kind },
      via: 'endpoint',
      credentials,
      source: 'cached',
      count,
    };
  }

  #register(lease: Lease): Lease {
    lease.attach();
    this.#leases.add(lease);
    this.#tick();
    return lease;
  }

  #tick(): void {
    this.#cancelTimer ??= this.#clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#sweep(this.#clock.monotonic());
      if (this.#leases.size > 0) this.#tick();
    }, this.#limits.leaseFlush);
  }

  /** Ends the leases that nobody used again, and writes their counts. */
  #sweep(now: number): void {
    for (const lease of this.#leases) {
      if (lease.writing !== undefined || now < lease.until + this.#limits.leaseFlush) continue;
      if (!lease.hasCount) {
        lease.detach();
        this.#leases.delete(lease);
      } else if (this.#auditLog.available || now - this.#failedAt >= PROBE) {
        this.#write(lease, 0).catch(error => {
          const { workload } = lease.held;
          this.#log.error({ workload: workload.name, count: lease.uncounted, err: error }, 'vends are not counted yet');
        });
      }
    }
  }
}

function unavailable(reason: string | undefined): AuditUnavailable {
  return new AuditUnavailable(`the audit log can't be written${reason === undefined ? '' : `: ${reason}`}`);
}

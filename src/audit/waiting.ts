/**
 * Records that somebody waits for, oldest first. A waiter gets its answer within {@link WAIT_MS}, written or not.
 *
 * A record that is still queued by then is dropped. A record that is being written can't be taken back: the caller of
 * {@link WaitingRecords.written} learns of it, and records that its credentials were withheld.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable } from '../lib/errors.ts';
import type { AuditRecord } from './columns.ts';

/** How long a waiter waits, ms. */
export const WAIT_MS = 500;
export const WAIT_EXCEEDED = `the write did not finish within ${WAIT_MS} ms`;
const MAX_QUEUED = 10_000;
const MAX_BATCH = 1_000;

interface Waiter {
  readonly record: AuditRecord;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: AuditUnavailable) => void;
  /** Whether it was told that its record is not durable. */
  expired: boolean;
}

export class WaitingRecords {
  readonly #clock: Clock;
  readonly #onExpired: (expired: { readonly writing: number; readonly queued: number }) => void;
  #queued: Waiter[] = [];
  #writing: readonly Waiter[] = [];
  #timed = false;

  /** @param onExpired called with the number of waiters that gave up */
  constructor(clock: Clock, onExpired: (expired: { readonly writing: number; readonly queued: number }) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get queued(): number {
    return this.#queued.length;
  }

  /** Resolves once the record is durable. @throws AuditUnavailable */
  add(record: AuditRecord): Promise<void> {
    if (this.#queued.length >= MAX_QUEUED)
      return Promise.reject(new AuditUnavailable(`the audit log is ${MAX_QUEUED} records behind`));
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.monotonic() + WAIT_MS;
      this.#queued.push({ record, deadline, resolve, reject, expired: false });
      this.#expireIn(WAIT_MS);
    });
  }

  /** The records to write now. {@link written} or {@link refuse} follows. */
  take(): AuditRecord[] {
    this.#writing = this.#queued.splice(0, MAX_BATCH);
    return this.#writing.map(({ record }) => record);
  }

  /** The records that were taken are durable. @returns those whose waiter had given up */
  written(): AuditRecord[] {
    const written = this.#writing;
    this.#writing = [];
    for (const waiter of written) if (!waiter.expired) waiter.resolve();
    return written.filter(({ expired }) => expired).map(({ record }) => record);
  }

  /** Refuses all, taken or queued. @returns how many waiters learn of it */
  refuse(reason: string): number {
    const refused = [...this.#writing, ...this.#queued].filter(({ expired }) => !expired);
    this.#writing = [];
    this.#queued = [];
    reject(refused, reason);
    return refused.length;
  }

  /** One timer for all: they are in the order of their deadlines. */
  #expireIn(ms: number): void {
    if (this.#timed) return;
    this.#timed = true;
    this.#clock.schedule(() => {
      this.#timed = false;
      this.#expire();
    }, ms);
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    const isDue = ({ deadline, expired }: Waiter) => !expired && deadline <= now;
    const writing = this.#writing.filter(isDue);
    const queued = this.#queued.filter(isDue);
    for (const waiter of writing) waiter.expired = true;
    this.#queued = this.#queued.slice(queued.length);
    reject([...writing, ...queued], WAIT_EXCEEDED);
    this.#onExpired({ writing: writing.length, queued: queued.length });
    const next = this.#writing.find(({ expired }) => !expired) ?? this.#queued[0];
    if (next !== undefined) this.#expireIn(Math.max(1, next.deadline - now));
  }
}

function reject(waiters: readonly Waiter[], reason: string): void {
  for (const waiter of waiters) waiter.reject(new AuditUnavailable(`the audit log can't be written: ${reason}`));
}

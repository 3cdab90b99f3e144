/**
 * Rows that somebody waits for, gathered while the batch before is being written: many rows to one transaction and one
 * sync to disk.
 *
 * A waiter learns within 0.5 s whether its row is durable. What was not yet handed to the database by then is dropped
 * from the queue; what was handed over may still be written later, although its credentials were withheld. Such a row is
 * followed by one with the outcome `discarded` and the detail `withheld`, so the record stays true.
 *
 * After a failure everything is refused at once, and the queue tries by itself, with a row `recovered`, until it works.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { AuditRecord } from './columns.ts';
import { FailureQueue } from './failure-queue.ts';
import { failureOf, type Outage, recoveredRecord, secondsOf } from './outage.ts';
import type { Store, Written } from './store.ts';

/** How long a waiter waits, ms. */
export const WAIT_MS = 500;
const MAX_QUEUE = 10_000;
const MAX_BATCH = 1_000;
const FIRST_PROBE_MS = 250;
const LAST_PROBE_MS = 2_000;
const CLOSE_MS = 2_000;

export interface GroupCommitOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each batch that was written. */
  readonly onWritten: (written: Written) => void;
  /** A row was written after its waiter had given up. */
  readonly onWithheld: (row: AuditRecord) => void;
  /** Failures, counted, whose records can't be written. */
  readonly onLost: (failures: number) => void;
}

interface Waiter {
  readonly row: AuditRecord;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: AuditUnavailable) => void;
  late: boolean;
}

export class GroupCommit {
  readonly #store: Store;
  readonly #options: GroupCommitOptions;
  #queue: Waiter[] = [];
  readonly #low: FailureQueue;
  #flying: Waiter[] | undefined;
  #armed = false;
  #pumping = false;
  #outage: Outage | undefined;
  #probeDelay = FIRST_PROBE_MS;
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(store: Store, options: GroupCommitOptions) {
    this.#store = store;
    this.#options = options;
    this.#low = new FailureQueue(options.onLost);
  }

  get reason(): string | undefined {
    return this.#outage?.reason;
  }

  /** @throws AuditUnavailable */
  append(row: AuditRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new AuditUnavailable('the audit log is closed'));
    if (this.#outage !== undefined) {
      this.#outage.refused++;
      return Promise.reject(new AuditUnavailable(`the audit log can't be written: ${this.#outage.reason}`));
    }
    if (this.#queue.length >= MAX_QUEUE)
      return Promise.reject(new AuditUnavailable(`the audit log is ${MAX_QUEUE} rows behind`));
    return new Promise((resolve, reject) => {
      const deadline = this.#options.clock.monotonic() + WAIT_MS;
      this.#queue.push({ row, deadline, resolve, reject, late: false });
      this.#arm(WAIT_MS);
      this.#pumpSoon();
    });
  }

  /** Queues rows that nobody waits for, behind all others. */
  low(rows: readonly AuditRecord[]): void {
    this.#low.push(rows);
    this.#pumpSoon();
  }

  /** The database can't be used from the start on: goes on trying. */
  startBroken(error: unknown): void {
    this.#fail(error, []);
  }

  /** Looks at the database by an empty batch: whether it can be reached, and its free space. */
  poll(): void {
    if (this.#flying === undefined && this.#outage === undefined && !this.#closed) this.#send([], []);
  }

  /** Writes what is queued, for at most 2 s, and closes the store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pump();
    if (this.#busy()) {
      await new Promise<void>(resolve => {
        const cancel = this.#options.clock.schedule(resolve, CLOSE_MS);
        this.#drained = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#refuse(this.#queue.splice(0), 'closing');
    this.#low.loseAll();
    await this.#store.close();
  }

  #busy(): boolean {
    return this.#flying !== undefined || (this.#outage === undefined && this.#queue.length + this.#low.length > 0);
  }

  #pumpSoon(): void {
    if (this.#pumping || this.#flying !== undefined) return;
    this.#pumping = true;
    // What comes in within this turn goes along.
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#flying !== undefined || this.#outage !== undefined) return;
    if (this.#queue.length + this.#low.length === 0) return;
    this.#send(this.#queue.splice(0, MAX_BATCH), this.#low.take());
  }

  #send(waiters: Waiter[], low: AuditRecord[]): void {
    this.#flying = waiters;
    const rows = [...waiters.map(waiter => waiter.row), ...low];
    this.#store.write(rows).then(
      written => this.#wrote(waiters, written),
      error => {
        this.#flying = undefined;
        this.#low.failed();
        this.#fail(error, waiters);
        this.#settled();
      },
    );
  }

  #wrote(waiters: readonly Waiter[], written: Written): void {
    const { onWritten, onWithheld } = this.#options;
    this.#flying = undefined;
    this.#low.written();
    for (const waiter of waiters) {
      if (!waiter.late) waiter.resolve();
    }
    onWritten(written);
    for (const waiter of waiters) if (waiter.late) onWithheld(waiter.row);
    this.#recover();
    this.#pump();
    this.#settled();
  }

  #settled(): void {
    if (!this.#busy()) this.#drained?.();
  }

  #refuse(waiters: readonly Waiter[], reason: string): void {
    for (const waiter of waiters) {
      if (waiter.late) continue;
      if (this.#outage !== undefined) this.#outage.refused++;
      waiter.reject(new AuditUnavailable(`the audit log can't be written: ${reason}`));
    }
  }

  #fail(error: unknown, waiters: readonly Waiter[]): void {
    const { clock, log } = this.#options;
    const failure = failureOf(error);
    if (this.#outage === undefined || this.#outage.hanging) {
      log.error(failure, 'the audit log can not be written: nothing is handed out until it can');
      this.#probeDelay = FIRST_PROBE_MS;
    }
    const { since = clock.wall(), refused = 0 } = this.#outage ?? {};
    this.#outage = { reason: failure.reason, hanging: false, since, refused };
    this.#refuse([...waiters, ...this.#queue.splice(0)], failure.reason);
    if (this.#closed) return;
    clock.schedule(() => this.#probe(), this.#probeDelay);
    this.#probeDelay = Math.min(LAST_PROBE_MS, this.#probeDelay * 2);
  }

  #probe(): void {
    if (this.#closed || this.#outage === undefined || this.#flying !== undefined) return;
    this.#send([], [recoveredRecord(this.#outage, this.#options.clock.wall())]);
  }

  #recover(): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    this.#outage = undefined;
    const now = this.#options.clock.wall();
    const { refused, hanging } = outage;
    this.#options.log.info({ seconds: secondsOf(outage, now), refused }, 'the audit log is written again');
    // After a failure the probe was this row.
    if (hanging) this.low([recoveredRecord(outage, now)]);
  }

  /** One timer for all waiters, who are in the order of their deadlines. */
  #arm(ms: number): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#options.clock.schedule(() => {
      this.#armed = false;
      this.#expire();
    }, ms);
  }

  #expire(): void {
    const now = this.#options.clock.monotonic();
    const tooLate = (waiter: Waiter) => !waiter.late && waiter.deadline <= now;
    const flying = this.#flying?.filter(tooLate) ?? [];
    const queued = this.#queue.filter(tooLate);
    if (flying.length > 0 && this.#outage === undefined) {
      const reason = `a write has not come back within ${WAIT_MS} ms`;
      this.#options.log.error(
        { code: 'HANGING', reason },
        'the audit log hangs: nothing is handed out until it writes',
      );
      this.#outage = { reason, since: this.#options.clock.wall(), hanging: true, refused: 0 };
    }
    if (queued.length > 0) this.#queue = this.#queue.filter(waiter => !queued.includes(waiter));
    this.#refuse([...flying, ...queued], `not within ${WAIT_MS} ms`);
    for (const waiter of flying) waiter.late = true;
    const next = this.#flying?.find(waiter => !waiter.late)?.deadline ?? this.#queue[0]?.deadline;
    if (next !== undefined) this.#arm(Math.max(1, next - now));
  }
}

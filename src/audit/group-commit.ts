/**
 * Writes the records that gathered while the batch before was written: many records to one transaction and one sync to
 * disk.
 *
 * After a failed write all records are refused at once. A probe with a record `recovered` is then written until one works.
 * While a write hangs, new records are refused as well; it isn't repeated, since it may yet finish.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { AuditRecord } from './columns.ts';
import { FailureQueue } from './failure-queue.ts';
import { OutageState } from './outage.ts';
import type { Store, Written } from './store.ts';
import { WAIT_EXCEEDED, WaitingRecords } from './waiting.ts';

const CLOSE_MS = 2_000;

export interface GroupCommitOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each batch that was written. */
  readonly onWritten: (written: Written) => void;
  /** A record was written after its waiter had given up. */
  readonly onWithheld: (record: AuditRecord) => void;
  /** Failures, counted, whose records can't be written. */
  readonly onLost: (failures: number) => void;
}

export class GroupCommit {
  readonly #store: Store;
  readonly #options: GroupCommitOptions;
  readonly #waiting: WaitingRecords;
  readonly #failures: FailureQueue;
  readonly #outage: OutageState;
  #writing = false;
  #scheduled = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(store: Store, options: GroupCommitOptions) {
    this.#store = store;
    this.#options = options;
    this.#outage = new OutageState(options.clock, options.log);
    this.#waiting = new WaitingRecords(options.clock, ({ writing, queued }) => {
      if (writing > 0) this.#outage.hangs(WAIT_EXCEEDED);
      this.#outage.countRefused(writing + queued);
    });
    this.#failures = new FailureQueue(options.onLost);
  }

  /** Why records are refused; undefined: they are written. */
  get reason(): string | undefined {
    return this.#outage.reason;
  }

  /** Resolves once the record is durable. @throws AuditUnavailable */
  append(record: AuditRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new AuditUnavailable('the audit log is closed'));
    if (this.reason !== undefined) {
      this.#outage.countRefused(1);
      return Promise.reject(new AuditUnavailable(`the audit log can't be written: ${this.reason}`));
    }
    const durable = this.#waiting.add(record);
    this.#writeSoon();
    return durable;
  }

  /** Queues records that nobody waits for, behind all others. */
  enqueue(records: readonly AuditRecord[]): void {
    this.#failures.push(records);
    this.#writeSoon();
  }

  /** The store could not be opened: tries until it can. */
  startUnavailable(error: unknown): void {
    this.#fail(error);
  }

  /** Writes an empty batch, which shows whether the database can be reached, and its free space. */
  poll(): void {
    if (!this.#writing && this.reason === undefined && !this.#closed) this.#write([]);
  }

  /** Writes what is queued, for at most 2 s, and closes the store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#writeQueued();
    if (this.#isBusy()) {
      await new Promise<void>(resolve => {
        const cancel = this.#options.clock.schedule(resolve, CLOSE_MS);
        this.#onIdle = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#outage.countRefused(this.#waiting.refuse('it is being closed'));
    this.#failures.loseAll();
    await this.#store.close();
  }

  #isBusy(): boolean {
    return this.#writing || (this.reason === undefined && this.#hasQueued());
  }

  #hasQueued(): boolean {
    return this.#waiting.queued + this.#failures.length > 0;
  }

  /** Records that come in the same turn of the event loop share a batch. */
  #writeSoon(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#writeQueued();
    });
  }

  #writeQueued(): void {
    if (this.#writing || this.reason !== undefined || !this.#hasQueued()) return;
    this.#write([...this.#waiting.take(), ...this.#failures.take()]);
  }

  #write(records: readonly AuditRecord[]): void {
    this.#writing = true;
    this.#store.write(records).then(
      written => this.#wrote(written),
      error => {
        this.#writing = false;
        this.#failures.failed();
        this.#fail(error);
      },
    );
  }

  #wrote(written: Written): void {
    const { onWritten, onWithheld } = this.#options;
    this.#writing = false;
    this.#failures.written();
    const withheld = this.#waiting.written();
    onWritten(written);
    for (const record of withheld) onWithheld(record);
    const outage = this.#outage.recovered();
    if (outage !== undefined) this.enqueue([outage]);
    this.#writeQueued();
    if (!this.#isBusy()) this.#onIdle?.();
  }

  #fail(error: unknown): void {
    const probeDelay = this.#outage.failed(error);
    this.#outage.countRefused(this.#waiting.refuse(this.reason ?? ''));
    if (!this.#isBusy()) this.#onIdle?.();
    if (!this.#closed) this.#options.clock.schedule(() => this.#probe(), probeDelay);
  }

  #probe(): void {
    const record = this.#outage.record();
    if (record !== undefined && !this.#closed && !this.#writing) this.#write([record]);
  }
}

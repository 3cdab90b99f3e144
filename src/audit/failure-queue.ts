/**
 * Records that nobody waits for: bounded, written behind all others, and counted where they are lost.
 *
 * @module
 */
import { type AuditRecord, LOG_VIA } from './columns.ts';

const MAX_RECORDS = 240;

export class FailureQueue {
  readonly #onLost: (failures: number) => void;
  #queue: AuditRecord[] = [];
  /** What is being written. */
  #writing: AuditRecord[] = [];

  /** @param onLost called with the number of failures whose records are lost */
  constructor(onLost: (failures: number) => void) {
    this.#onLost = onLost;
  }

  get length(): number {
    return this.#queue.length;
  }

  push(records: readonly AuditRecord[]): void {
    const free = Math.max(0, MAX_RECORDS - this.#queue.length);
    this.#queue.push(...records.slice(0, free));
    this.#lose(records.slice(free));
  }

  /** What is to be written now. {@link written} or {@link failed} follows. */
  take(): AuditRecord[] {
    this.#writing = this.#queue;
    this.#queue = [];
    return this.#writing;
  }

  written(): void {
    this.#writing = [];
  }

  failed(): void {
    this.#queue = [...this.#writing.filter(({ outcome }) => outcome !== 'recovered'), ...this.#queue];
    this.#writing = [];
  }

  /** For the end of the process. */
  loseAll(): void {
    this.#lose([...this.#writing, ...this.#queue]);
    this.#writing = [];
    this.#queue = [];
  }

  #lose(records: readonly AuditRecord[]): void {
    const failures = records.reduce((sum, { via, count }) => sum + (via === LOG_VIA ? 0 : count), 0);
    if (failures > 0) this.#onLost(failures);
  }
}

/**
 * Whether the audit log can be written, and if not: why, since when, and how many records were refused meanwhile.
 *
 * A write that failed is tried again by a probe. A write that hangs isn't, since it may yet finish.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { masked } from '../lib/text/masked.ts';
import { type AuditRecord, logRecord } from './columns.ts';
import { StoreError } from './store.ts';

const FIRST_PROBE_MS = 250;
const LAST_PROBE_MS = 2_000;

interface Outage {
  readonly reason: string;
  readonly hanging: boolean;
  /** Wall time in ms. */
  readonly since: number;
  refused: number;
}

export class OutageState {
  readonly #clock: Clock;
  readonly #log: Logger;
  #outage: Outage | undefined;
  #probeDelay = FIRST_PROBE_MS;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined while the log can be written. */
  get reason(): string | undefined {
    return this.#outage?.reason;
  }

  countRefused(refused: number): void {
    if (this.#outage !== undefined) this.#outage.refused += refused;
  }

  /** A write failed. @returns ms until the next probe */
  failed(error: unknown): number {
    const code = error instanceof StoreError ? error.code : 'INTERNAL';
    const reason = masked(error instanceof Error ? error.message : String(error));
    if (this.#outage === undefined || this.#outage.hanging) {
      this.#log.error({ code, reason }, "the audit log can't be written: no credentials are returned until it can");
      this.#probeDelay = FIRST_PROBE_MS;
    }
    const { since = this.#clock.wall(), refused = 0 } = this.#outage ?? {};
    this.#outage = { reason, hanging: false, since, refused };
    const delay = this.#probeDelay;
    this.#probeDelay = Math.min(LAST_PROBE_MS, delay * 2);
    return delay;
  }

  hangs(reason: string): void {
    if (this.#outage !== undefined) return;
    const fields = { code: 'HANGING', reason };
    this.#log.error(fields, 'the audit log hangs: no credentials are returned until the write finishes');
    this.#outage = { reason, hanging: true, since: this.#clock.wall(), refused: 0 };
  }

  /** A write worked. @returns the record of an outage that no probe has written */
  recovered(): AuditRecord | undefined {
    const outage = this.#outage;
    if (outage === undefined) return undefined;
    const record = this.record();
    this.#outage = undefined;
    this.#log.info({ seconds: this.#secondsOf(outage), refused: outage.refused }, 'the audit log is written again');
    return outage.hanging ? record : undefined;
  }

  /** The record that tells of the outage in the log itself; a probe writes it. Undefined without an outage. */
  record(): AuditRecord | undefined {
    const outage = this.#outage;
    if (outage === undefined) return undefined;
    const { reason, refused } = outage;
    const detail = `unavailable for ${this.#secondsOf(outage)} s, ${refused} refused: ${reason}`;
    return logRecord('recovered', detail, Math.floor(this.#clock.wall() / 1000));
  }

  #secondsOf({ since }: Outage): number {
    return Math.round((this.#clock.wall() - since) / 1000);
  }
}

/**
 * Audit of cached answers. Nothing leaves without a record on disk, but a record for each of thousands of vends a second
 * would be a write for each. So a record opens an **audit window**: for a second it covers further vends of the same
 * credentials to the same caller. They are counted and written with the next record, or by a timer when nobody asks again.
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
import { auditUnavailable } from './ask-sts.ts';
import { type Audited, AuditWindow, findWindow } from './audit-window.ts';
import type { VendingLimits } from './limits.ts';

/** While the audit log is down, how often a cached answer may try it anyway; ms. */
const RETRY_WHILE_DOWN = 1_000;
/** The last part of a window, in which the next record is written ahead, so that busy callers never wait for the disk. */
const AHEAD = 0.2;

export interface AuditCoalescerOptions {
  readonly clock: Clock;
  readonly auditLog: AuditLog;
  readonly log: Logger;
  readonly limits: Pick<VendingLimits, 'auditWindow' | 'auditFlush'>;
}

export class AuditCoalescer {
  readonly #clock: Clock;
  readonly #auditLog: AuditLog;
  readonly #log: Logger;
  readonly #limits: AuditCoalescerOptions['limits'];
  readonly #ahead: number;
  readonly #windows = new Set<AuditWindow>();
  #cancelTimer: (() => void) | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, auditLog, log, limits }: AuditCoalescerOptions) {
    this.#clock = clock;
    this.#auditLog = auditLog;
    this.#log = log;
    this.#limits = limits;
    this.#ahead = limits.auditWindow * AHEAD;
  }

  /** Whether a record on disk covers this vend; if so it is counted. On the hot path: no promise, no allocation. */
  isAudited(subject: Audited, caller: Caller, now: number): boolean {
    const window = findWindow(subject, caller);
    if (window === undefined || now >= window.until) return false;
    window.uncounted++;
    if (window.until - now < this.#ahead) this.#writeAhead(window, now);
    return true;
  }

  /**
   * Writes the record for a vend that no window covers, and counts the vend.
   *
   * @throws AuditUnavailable: nothing may leave
   */
  async record(subject: Audited, caller: Caller): Promise<void> {
    const window = findWindow(subject, caller) ?? this.#register(new AuditWindow(subject, caller));
    if (window.writing === undefined) {
      const { available, reason } = this.#auditLog;
      if (!available && this.#clock.monotonic() - this.#failedAt < RETRY_WHILE_DOWN) throw auditUnavailable(reason);
      await this.#write(window, 1);
    } else {
      await window.writing;
      window.uncounted++;
    }
  }

  /** The record of a fetch is on disk: it counts one vend to this caller, and covers more. */
  open(subject: Audited, caller: Caller): void {
    const window = this.#register(new AuditWindow(subject, caller));
    window.uncounted = -1;
    window.until = this.#clock.monotonic() + this.#limits.auditWindow;
  }

  /** Writes every count that is left. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    await Promise.all([...this.#windows].map(window => window.writing?.catch(() => {})));
    const counted = [...this.#windows].filter(window => window.hasCount);
    await Promise.all(counted.map(window => this.#write(window, 0).catch(() => {})));
    const vends = counted.reduce((sum, window) => sum + Math.max(0, window.uncounted), 0);
    if (vends > 0) this.#log.error({ vends }, 'vends were not counted in the audit log: it can not be written');
    this.#windows.clear();
  }

  #writeAhead(window: AuditWindow, now: number): void {
    if (window.writing !== undefined || !window.hasCount || now - this.#failedAt < RETRY_WHILE_DOWN) return;
    this.#write(window, 0).catch(() => {});
  }

  /** @param vends how many beside the uncounted ones the record stands for */
  #write(window: AuditWindow, vends: 0 | 1): Promise<void> {
    const counted = Math.max(0, window.uncounted);
    window.uncounted = 0;
    window.writing = this.#append(this.#event(window, counted + vends)).then(
      () => {
        window.writing = undefined;
        window.until = this.#clock.monotonic() + this.#limits.auditWindow;
      },
      error => {
        window.writing = undefined;
        window.uncounted += counted;
        throw error;
      },
    );
    return window.writing;
  }

  async #append(event: CredentialsVended): Promise<void> {
    try {
      await this.#auditLog.append(event);
    } catch (error) {
      this.#failedAt = this.#clock.monotonic();
      throw error instanceof AuditUnavailable ? error : auditUnavailable(errorFields(error).message);
    }
  }

  #event({ subject, tokenHash, kind }: AuditWindow, count: number): CredentialsVended {
    const { workload, credentials } = subject;
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

  #register(window: AuditWindow): AuditWindow {
    window.attach();
    this.#windows.add(window);
    this.#schedule();
    return window;
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#sweep(this.#clock.monotonic());
      if (this.#windows.size > 0) this.#schedule();
    }, this.#limits.auditFlush);
  }

  /** Ends the windows that nobody used again, and writes their counts. */
  #sweep(now: number): void {
    for (const window of this.#windows) {
      if (window.writing !== undefined || now < window.until + this.#limits.auditFlush) continue;
      if (!window.hasCount) {
        window.detach();
        this.#windows.delete(window);
      } else if (this.#auditLog.available || now - this.#failedAt >= RETRY_WHILE_DOWN) {
        this.#write(window, 0).catch(error => {
          const { name } = window.subject.workload;
          this.#log.error({ workload: name, count: window.uncounted, err: error }, 'vends are not counted yet');
        });
      }
    }
  }
}

/**
 * How many exchanges run at once, first come first served, and how hard STS is asked while it throttles.
 *
 * The limit grows while nothing is throttled. A throttled call sets it to one and pauses all calls, for longer each time;
 * after the pause one call probes. It then doubles a round trip up to half of what was throttled, and grows slowly beyond: the
 * slow start and the additive increase of TCP. Other failures don't count: a slow STS is no reason to ask it more slowly.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { StsUnavailable } from '../lib/errors.ts';

export interface LimiterOptions {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** The limit at the start, and the largest. */
  readonly initial: number;
  readonly max: number;
  /** The pause after a throttled call: the first, doubling up to the longest; ms. */
  readonly pauseFirst: number;
  readonly pauseMax: number;
}

export type CallOutcome = 'ok' | 'throttled' | 'failed';

/** Says how the call ended and frees its place; further calls of it do nothing. */
export type Release = (outcome: CallOutcome) => void;

export class Limiter {
  readonly #options: LimiterOptions;
  readonly #queue = new Set<() => void>();
  #limit: number;
  #running = 0;
  /** Up to this limit growth doubles a round trip. */
  #slowStartUntil: number;
  #pause = 0;
  #resume: (() => void) | undefined;
  /** Counts the decreases: a call that began before the last one says nothing new by being throttled. */
  #decreases = 0;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#limit = options.initial;
    this.#slowStartUntil = options.max;
  }

  /**
   * Resolves when a call may begin.
   *
   * @param maxWaitMs default: as long as it takes
   * @throws the signal's reason, or StsUnavailable after `maxWaitMs`
   */
  async acquire(signal: AbortSignal, maxWaitMs?: number): Promise<Release> {
    signal.throwIfAborted();
    if (this.#isFree()) this.#running++;
    else await this.#wait(signal, maxWaitMs);
    const decreases = this.#decreases;
    let released = false;
    return outcome => {
      if (released) return;
      released = true;
      const saturated = this.#running >= Math.floor(this.#limit);
      this.#running--;
      if (outcome === 'ok') this.#grow(saturated);
      else if (outcome === 'throttled' && decreases === this.#decreases) this.#shrink();
      this.#admit();
    };
  }

  close(): void {
    this.#resume?.();
  }

  #isFree(): boolean {
    return this.#resume === undefined && this.#running < Math.floor(this.#limit);
  }

  #grow(saturated: boolean): void {
    this.#pause = 0;
    if (saturated) {
      const step = this.#limit < this.#slowStartUntil ? 1 : 1 / this.#limit;
      this.#limit = Math.min(this.#options.max, this.#limit + step);
    }
  }

  #shrink(): void {
    const { clock, random, pauseFirst, pauseMax } = this.#options;
    this.#decreases++;
    this.#slowStartUntil = Math.max(1, this.#limit / 2);
    this.#limit = 1;
    this.#pause = Math.min(pauseMax, this.#pause === 0 ? pauseFirst : this.#pause * 2);
    this.#resume?.();
    const cancel = clock.schedule(
      () => {
        this.#resume = undefined;
        this.#admit();
      },
      this.#pause * (1 + random() / 4),
    );
    this.#resume = cancel;
  }

  #admit(): void {
    for (const begin of this.#queue) {
      if (!this.#isFree()) return;
      begin();
    }
  }

  #wait(signal: AbortSignal, maxWaitMs: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => {
        settled();
        reject(reason);
      };
      const aborted = () => leave(signal.reason);
      const begin = () => {
        settled();
        this.#running++;
        resolve();
      };
      const cancelTimer =
        maxWaitMs === undefined ? undefined : this.#options.clock.schedule(() => leave(queued(maxWaitMs)), maxWaitMs);
      const settled = () => {
        this.#queue.delete(begin);
        signal.removeEventListener('abort', aborted);
        cancelTimer?.();
      };
      this.#queue.add(begin);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }
}

function queued(ms: number): StsUnavailable {
  return new StsUnavailable(`STS was not asked within ${ms / 1000} s: too many exchanges wait, or STS throttles them`);
}

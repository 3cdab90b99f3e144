/**
 * Authentication by static tokens.
 *
 * A value is looked up by its HMAC-SHA-256 under a random key of the process. So the time of a lookup tells nothing about a
 * token, and known and unknown values take the same path. Raw values are not kept.
 *
 * A replaced value stays valid for `token_overlap`, but only for the same workload with an unchanged identity. A removed
 * workload, a changed wallet, and a value that now belongs to another workload have no overlap.
 *
 * @module
 */
import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Workload } from '../workload/workload.ts';
import type { Caller } from './caller.ts';

/** A value and the workload that it authenticates. */
export interface TokenEntry {
  readonly value: string;
  readonly workload: Workload;
  /** Whether a source address may present it (`relative_uri.from`); absent: any may. */
  readonly from?: (remoteAddress: string | undefined) => boolean;
}

export type TokenKind = 'token' | 'relative' | 'bearer';

interface KnownToken {
  readonly mac: Buffer;
  readonly caller: Caller;
  readonly from: TokenEntry['from'];
  /** Monotonic ms; Infinity for a current value. */
  readonly until: number;
}

const MAC_BYTES = 32;
const BEARER = /^bearer /i;

/** The values of one kind, at one listener, in one configuration; immutable. */
export class StaticTokens {
  readonly #key: KeyObject;
  readonly #known: ReadonlyMap<string, KnownToken>;
  readonly #clock: Clock;
  /** Where the presented MAC is written for the comparison. */
  readonly #presented = Buffer.alloc(MAC_BYTES);
  /** Compared with when nothing is found, so that both paths take the same time. */
  readonly #nothing = randomBytes(MAC_BYTES);

  private constructor(key: KeyObject, known: ReadonlyMap<string, KnownToken>, clock: Clock) {
    this.#key = key;
    this.#known = known;
    this.#clock = clock;
  }

  /**
   * Pauses now and then, since ten thousand values take a tenth of a second.
   *
   * @param options.previous the values before a reload. A removed value stays valid for `overlapMs` if its workload is
   *   configured with an unchanged identity; 0 ends it at once
   * @throws Error when two entries have one value, naming both workloads
   */
  static *build(
    kind: TokenKind,
    entries: readonly TokenEntry[],
    options: { readonly clock: Clock; readonly overlapMs: number; readonly previous?: StaticTokens | undefined },
  ): Generator<void, StaticTokens> {
    const { clock, overlapMs, previous } = options;
    const key = previous === undefined ? createSecretKey(randomBytes(32)) : previous.#key;
    const known = new Map<string, KnownToken>();
    const byIdentity = new Map<string, KnownToken>();
    // One buffer for all: a buffer for each entry would take twice the memory.
    const macs = Buffer.alloc(entries.length * MAC_BYTES);
    for (const [i, { value, workload, from }] of entries.entries()) {
      yield;
      const id = macOf(key, value);
      const mac = macs.subarray(i * MAC_BYTES, (i + 1) * MAC_BYTES);
      mac.write(id, 'latin1');
      const same = known.get(id);
      if (same !== undefined) {
        throw new Error(`"${same.caller.workload.name}" and "${workload.name}" have the same ${kind} value`);
      }
      const tokenHash = createHash('sha256').update(value).digest('hex');
      const entry = { mac, caller: Object.freeze({ workload, kind, tokenHash }), from, until: Infinity };
      known.set(id, entry);
      byIdentity.set(workload.id, entry);
    }
    const now = clock.monotonic();
    for (const [id, old] of previous === undefined ? [] : previous.#known) {
      yield;
      const heir = byIdentity.get(old.caller.workload.id);
      const until = Math.min(old.until, now + overlapMs);
      if (heir === undefined || known.has(id) || until <= now) continue;
      // The new workload object and source rule, with the old value.
      const caller = Object.freeze({ ...heir.caller, tokenHash: old.caller.tokenHash });
      known.set(id, { mac: old.mac, caller, from: heir.from, until });
    }
    return new StaticTokens(key, known, clock);
  }

  /**
   * @param presented as it came; one `Bearer ` in front is removed, and undefined is looked up like a wrong value
   * @param remoteAddress the socket's own; only read where the entry has `from`
   */
  find(presented: string | undefined, remoteAddress?: string): Caller | undefined {
    const id = macOf(this.#key, presented === undefined ? '' : withoutScheme(presented));
    const entry = this.#known.get(id);
    this.#presented.write(id, 'latin1');
    const equal = timingSafeEqual(this.#presented, entry === undefined ? this.#nothing : entry.mac);
    if (!equal || entry === undefined) return undefined;
    if (entry.until !== Infinity && entry.until <= this.#clock.monotonic()) return undefined;
    if (entry.from !== undefined && !entry.from(remoteAddress)) return undefined;
    return entry.caller;
  }
}

/** As a string, which is the map's key and costs less than a buffer of its own for each request. */
function macOf(key: KeyObject, value: string): string {
  return createHmac('sha256', key).update(value).digest('binary');
}

/** Removes one `Bearer `, whatever its case; tokens themselves have no spaces. */
export function withoutScheme(presented: string): string {
  const first = presented.charCodeAt(0) | 0x20;
  return first === 0x62 && presented.length > 7 ? presented.replace(BEARER, '') : presented;
}

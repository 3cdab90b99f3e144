/**
 * Static tokens: which caller a presented value belongs to.
 *
 * A value is looked up by its HMAC-SHA-256 under a key that is random per process, so neither a map's key nor the time a
 * lookup takes tells anything of a token; known and unknown values go the same way. The raw values are not kept.
 *
 * When tokens are replaced, an old one stays good for a while, but only for the same workload with an unchanged identity:
 * a workload that is gone, a changed wallet, a token that now belongs to another have no overlap.
 *
 * @module
 */
import { createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Workload } from '../workload/workload.ts';
import type { Caller } from './caller.ts';

/** A value and whose it is. */
export interface TokenEntry {
  readonly value: string;
  readonly workload: Workload;
  /** Whether a source address may show it (`relative_uri.from`); absent: any may. */
  readonly from?: (remoteAddress: string | undefined) => boolean;
}

export interface TokenTable {
  /**
   * @param presented as it came, one `Bearer ` in front is stripped; undefined is looked up like a wrong one
   * @param remoteAddress the socket's own; only read where the entry has `from`
   */
  find(presented: string | undefined, remoteAddress?: string): Caller | undefined;
  /**
   * Swaps the entries. Old values stay good for `overlapMs` (monotonic; 0 ends them at once) where the same workload, with
   * its whole identity unchanged, is still in the table.
   *
   * @throws Error when two entries have one value, naming both workloads
   */
  replace(entries: readonly TokenEntry[], overlapMs: number): void;
}

interface Held {
  readonly mac: Buffer;
  readonly caller: Caller;
  readonly from: TokenEntry['from'];
  /** Monotonic ms; Infinity for a current value. */
  readonly until: number;
}

const MAC_BYTES = 32;
const BEARER = /^bearer /i;

/** @param kind how a caller that is found has proved itself; one table serves one listener's one kind */
export function createTokenTable(
  kind: 'token' | 'relative' | 'bearer',
  entries: readonly TokenEntry[],
  clock: Clock,
): TokenTable {
  const key = createSecretKey(randomBytes(32));
  // As a string, which is the map's key and costs less than a buffer of its own for each request.
  const macOf = (value: string) => createHmac('sha256', key).update(value).digest('binary');
  const shown = Buffer.alloc(MAC_BYTES);
  // Compared with when nothing is found, so that both ways cost the same.
  const nothing = randomBytes(32);
  let held = new Map<string, Held>();

  const replace: TokenTable['replace'] = (next, overlapMs) => {
    const now = clock.monotonic();
    const table = new Map<string, Held>();
    const current = new Map<string, Held>();
    // One piece of memory for all of them: a buffer of its own costs each entry as much again as what it holds.
    const macs = Buffer.alloc(next.length * MAC_BYTES);
    for (const [i, { value, workload, from }] of next.entries()) {
      const id = macOf(value);
      const mac = macs.subarray(i * MAC_BYTES, (i + 1) * MAC_BYTES);
      mac.write(id, 'latin1');
      const same = table.get(id);
      if (same !== undefined) {
        throw new Error(`"${same.caller.workload.name}" and "${workload.name}" have the same ${kind} value`);
      }
      const tokenHash = createHash('sha256').update(value).digest('hex');
      const entry = { mac, caller: Object.freeze({ workload, kind, tokenHash }), from, until: Infinity };
      table.set(id, entry);
      current.set(workload.id, entry);
    }
    for (const [id, old] of held) {
      const heir = current.get(old.caller.workload.id);
      const until = Math.min(old.until, now + overlapMs);
      if (heir === undefined || table.has(id) || until <= now) continue;
      // Today's workload object and source rule, yesterday's value.
      const caller = Object.freeze({ ...heir.caller, tokenHash: old.caller.tokenHash });
      table.set(id, { mac: old.mac, caller, from: heir.from, until });
    }
    held = table;
  };
  replace(entries, 0);

  return {
    find(presented, remoteAddress) {
      const id = macOf(presented === undefined ? '' : withoutScheme(presented));
      const entry = held.get(id);
      shown.write(id, 'latin1');
      const equal = timingSafeEqual(shown, entry === undefined ? nothing : entry.mac);
      if (!equal || entry === undefined) return undefined;
      if (entry.until !== Infinity && entry.until <= clock.monotonic()) return undefined;
      if (entry.from !== undefined && !entry.from(remoteAddress)) return undefined;
      return entry.caller;
    },
    replace,
  };
}

/** Takes one `Bearer ` off, whatever its case; tokens themselves have no spaces. */
export function withoutScheme(presented: string): string {
  const first = presented.charCodeAt(0) | 0x20;
  return first === 0x62 && presented.length > 7 ? presented.replace(BEARER, '') : presented;
}

/**
 * Records of failures, summed, so that a flood of refused requests neither fills the disk nor hides what matters.
 *
 * A kind is a listener, an outcome with its detail, and a wallet. The first failure of a kind is recorded at once. Further
 * ones are counted, and recorded with their count at the end of the minute. A kind that goes on has one record a minute.
 * All kinds together have at most 60 records a minute: 20 at once and 40 sums. When there are more kinds, the rarest are
 * summed to one record for each listener and outcome.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { AuditRecord } from './columns.ts';

const MINUTE = 60_000;
const AT_ONCE = 20;
const SUMS = 40;
/** How many kinds are counted separately in a minute: made-up wallets can't fill the memory. */
const MAX_KINDS = 1_000;

export class FailureRecords {
  readonly #clock: Clock;
  readonly #emit: (records: readonly AuditRecord[]) => void;
  /** Kinds of this minute and the one before. `count` is the number of failures that aren't recorded yet. */
  #kinds = new Map<string, AuditRecord>();
  #atOnce = 0;
  #cancel: (() => void) | undefined;

  /** @param emit called with records that are due */
  constructor(clock: Clock, emit: (records: readonly AuditRecord[]) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  add(record: AuditRecord): void {
    this.#startMinute();
    const kind = [record.via, record.outcome, record.outcome_detail, record.requester_wallet].join('\0');
    const sum = this.#kinds.get(kind);
    if (sum !== undefined) {
      this.#kinds.set(kind, plus(sum, record));
      return;
    }
    const known = this.#kinds.size < MAX_KINDS;
    if (known && this.#atOnce < AT_ONCE) {
      this.#atOnce++;
      this.#kinds.set(kind, { ...record, count: 0 });
      this.#emit([record]);
      return;
    }
    const key = known ? kind : rest(record);
    const before = this.#kinds.get(key);
    this.#kinds.set(key, before === undefined ? (known ? record : merged(record)) : plus(before, record));
  }

  /** Emits the sums now; for the end of the process. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#write(Math.floor(this.#clock.wall() / 1000));
    this.#kinds = new Map();
  }

  #startMinute(): void {
    if (this.#cancel !== undefined) return;
    const now = this.#clock.wall();
    const end = (Math.floor(now / MINUTE) + 1) * MINUTE;
    this.#cancel = this.#clock.schedule(() => {
      this.#cancel = undefined;
      this.#atOnce = 0;
      this.#write(end / 1000);
      // A kind without failures in this minute is forgotten: its next failure is recorded at once.
      this.#kinds = new Map(
        [...this.#kinds]
          .filter(([, record]) => record.count > 0)
          .map(([kind, record]) => [kind, { ...record, count: 0 }]),
      );
      if (this.#kinds.size > 0) this.#startMinute();
    }, end - now);
  }

  #write(at: number): void {
    const sums = [...this.#kinds.values()].filter(record => record.count > 0).sort((a, b) => b.count - a.count);
    if (sums.length > SUMS) {
      const rests = new Set(sums.map(rest));
      const kept = Math.max(0, SUMS - rests.size);
      const summed = new Map<string, AuditRecord>();
      for (const record of sums.splice(kept)) {
        const before = summed.get(rest(record));
        summed.set(rest(record), before === undefined ? merged(record) : plus(before, record));
      }
      sums.push(...[...summed.values()].slice(0, SUMS));
    }
    if (sums.length > 0) this.#emit(sums.map(record => ({ ...record, minted_at: at })));
  }
}

function rest(record: AuditRecord): string {
  return [record.via, record.outcome, '', ''].join('\0');
}

/** The record of several kinds holds nothing that only one of them had. */
function merged(record: AuditRecord): AuditRecord {
  return { ...record, outcome_detail: 'various', requester_wallet: 'unknown' };
}

/** The columns that both records share, and the sum of their counts; where an optional column differs it is null. */
function plus(sum: AuditRecord, record: AuditRecord): AuditRecord {
  if (sum.count === 0) return record;
  const same = <K extends keyof AuditRecord>(column: K) => (sum[column] === record[column] ? sum[column] : null);
  return {
    ...sum,
    minted_at: record.minted_at,
    count: sum.count + record.count,
    requester_token_hash: same('requester_token_hash') ?? '',
    source: same('source'),
    role_arn: same('role_arn'),
    workload: same('workload'),
    access_key_id: same('access_key_id'),
    credentials_expiration: same('credentials_expiration'),
    sts_request_id: same('sts_request_id'),
  };
}

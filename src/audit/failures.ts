/**
 * Failure rows, summed, so that a flood of refused requests neither fills the disk nor hides what matters.
 *
 * A kind is a listener, an outcome with its detail, and a wallet. The first failure of a kind is a row at once. Further
 * ones are counted, and written as one row with that count when the minute ends, dated with its end; a kind that goes on
 * has one row a minute from then on. All kinds together get at most 60 rows a minute: 20 at once and 40 sums. When there
 * are more kinds than that, the rarest are summed once more, to one row per listener and outcome.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { AuditRecord } from './columns.ts';

const MINUTE = 60_000;
const AT_ONCE = 20;
const SUMS = 40;
/** Kinds that are told apart within a minute; an attacker who makes up wallets can't fill the memory either. */
const MAX_KINDS = 1_000;

export class FailureRecords {
  readonly #clock: Clock;
  readonly #emit: (rows: readonly AuditRecord[]) => void;
  /** Kinds of this minute and the one before; the row stands for `row.count` failures that aren't written yet. */
  #kinds = new Map<string, AuditRecord>();
  #atOnce = 0;
  #cancel: (() => void) | undefined;

  /** @param emit called with rows that are due */
  constructor(clock: Clock, emit: (rows: readonly AuditRecord[]) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  add(row: AuditRecord): void {
    this.#startMinute();
    const kind = [row.via, row.outcome, row.outcome_detail, row.requester_wallet].join('\0');
    const sum = this.#kinds.get(kind);
    if (sum !== undefined) {
      this.#kinds.set(kind, plus(sum, row));
      return;
    }
    const known = this.#kinds.size < MAX_KINDS;
    if (known && this.#atOnce < AT_ONCE) {
      this.#atOnce++;
      this.#kinds.set(kind, { ...row, count: 0 });
      this.#emit([row]);
      return;
    }
    const key = known ? kind : rest(row);
    const before = this.#kinds.get(key);
    this.#kinds.set(key, before === undefined ? (known ? row : merged(row)) : plus(before, row));
  }

  /** Writes the sums now; for the end of the process. */
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
      // A kind that was quiet is forgotten: its next failure is a first one again.
      this.#kinds = new Map(
        [...this.#kinds].filter(([, row]) => row.count > 0).map(([k, row]) => [k, { ...row, count: 0 }]),
      );
      if (this.#kinds.size > 0) this.#startMinute();
    }, end - now);
  }

  #write(at: number): void {
    const sums = [...this.#kinds.values()].filter(row => row.count > 0).sort((a, b) => b.count - a.count);
    if (sums.length > SUMS) {
      const rests = new Set(sums.map(rest));
      const kept = Math.max(0, SUMS - rests.size);
      const summed = new Map<string, AuditRecord>();
      for (const row of sums.splice(kept)) {
        const before = summed.get(rest(row));
        summed.set(rest(row), before === undefined ? merged(row) : plus(before, row));
      }
      sums.push(...[...summed.values()].slice(0, SUMS));
    }
    if (sums.length > 0) this.#emit(sums.map(row => ({ ...row, minted_at: at })));
  }
}

function rest(row: AuditRecord): string {
  return [row.via, row.outcome, '', ''].join('\0');
}

/** A row that stands for several kinds says nothing that only one of them had. */
function merged(row: AuditRecord): AuditRecord {
  return { ...row, outcome_detail: 'various', requester_wallet: 'unknown' };
}

/** What both rows say, and the sum of their counts; an optional column in which they differ is null. */
function plus(sum: AuditRecord, row: AuditRecord): AuditRecord {
  if (sum.count === 0) return row;
  const same = <K extends keyof AuditRecord>(column: K) => (sum[column] === row[column] ? sum[column] : null);
  return {
    ...sum,
    minted_at: row.minted_at,
    count: sum.count + row.count,
    requester_token_hash: same('requester_token_hash') ?? '',
    source: same('source'),
    role_arn: same('role_arn'),
    workload: same('workload'),
    access_key_id: same('access_key_id'),
    credentials_expiration: same('credentials_expiration'),
    sts_request_id: same('sts_request_id'),
  };
}

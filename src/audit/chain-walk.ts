/**
 * One writer's chain, record by record: what was changed, removed, inserted or reordered in it.
 *
 * @module
 */
import { GENESIS, type Head, hashOf } from './chain.ts';
import type { StoredRecord } from './columns.ts';
import type { Finding, PrunedRange } from './findings.ts';
import type { KeptHeads } from './kept-heads.ts';

export class ChainWalk {
  readonly writer: string;
  readonly #heads: KeptHeads;
  readonly #findings: Finding[];
  #last: StoredRecord | undefined;
  #seq: number;
  #hash: string;

  constructor(writer: string, start: PrunedRange | undefined, heads: KeptHeads, findings: Finding[]) {
    this.writer = writer;
    this.#seq = start?.last_seq ?? 0;
    this.#hash = start?.last_hash ?? GENESIS;
    this.#heads = heads;
    this.#findings = findings;
  }

  get end(): Head {
    return { writer: this.writer, seq: this.#seq, hash: this.#hash };
  }

  step(record: StoredRecord): void {
    const seq = record.seq ?? 0;
    const last = this.#last;
    if (seq <= this.#seq) {
      const why = last === undefined ? 'it belongs to a range that was pruned' : `record id ${last.id} has that number`;
      this.#find('inserted', record, `inserted: it is number ${seq} of its chain, but ${why}`);
      return;
    }
    this.#last = record;
    const gap = seq - this.#seq - 1;
    if (gap > 0) {
      const range = gap === 1 ? `number ${seq - 1}` : `numbers ${this.#seq + 1} to ${seq - 1}`;
      const after = last === undefined ? 'before' : `between record id ${last.id} and`;
      this.#find('removed', record, `removed: ${range} of the chain, ${after} this record`);
    }
    const own = hashOf(record) === record.hash;
    if (last !== undefined && record.id < last.id) {
      this.#find('reordered', record, `reordered: it follows record id ${last.id} in the chain, but stands before it`);
    } else if (!own) {
      this.#find('edited', record, 'edited: its columns do not give its hash');
    }
    if (gap === 0 && record.prev_hash !== this.#hash) this.#brokenLink(record, last, own);
    const kept = this.#heads.hashAt(this.writer, seq);
    if (kept !== undefined && kept !== record.hash)
      this.#find('rewritten', record, 'rewritten: a head that was kept has another hash for this record');
    this.#seq = seq;
    this.#hash = record.hash ?? '';
  }

  #brokenLink(record: StoredRecord, last: StoredRecord | undefined, own: boolean): void {
    // An edit of prev_hash itself has been reported already.
    if (!own) return;
    if (last === undefined) this.#find('rewritten', record, 'rewritten: it does not follow the start of its chain');
    else
      this.#find('rewritten', last, `rewritten: record id ${record.id}, which follows it, was chained to another hash`);
  }

  #find(kind: Finding['kind'], { id, seq }: StoredRecord, message: string): void {
    this.#findings.push({ kind, id, writer: this.writer, seq, message });
  }
}

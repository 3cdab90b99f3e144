/**
 * One writer's chain, record by record: what was changed, removed, inserted or reordered in it.
 *
 * @module
 */
import { GENESIS, type Head, hashOf } from './chain.ts';
import type { StoredRecord } from './columns.ts';
import { type Finding, finding, type PrunedRange } from './findings.ts';
import type { KeptHeads } from './kept-heads.ts';

export class ChainCheck {
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
      this.#find('audit-inserted', record, `inserted: it is number ${seq} of its chain, but ${why}`);
      return;
    }
    this.#last = record;
    const gap = seq - this.#seq - 1;
    if (gap > 0) {
      const range = gap === 1 ? `number ${seq - 1}` : `numbers ${this.#seq + 1} to ${seq - 1}`;
      const after = last === undefined ? 'before' : `between record id ${last.id} and`;
      this.#find('audit-removed', record, `removed: ${range} of the chain, ${after} this record`);
    }
    const hashFits = hashOf(record) === record.hash;
    if (last !== undefined && record.id < last.id) {
      const message = `reordered: it follows record id ${last.id} in the chain, but has a lower id`;
      this.#find('audit-reordered', record, message);
    } else if (!hashFits) {
      this.#find('audit-edited', record, 'edited: its hash is not the hash of its columns');
    }
    if (gap === 0 && record.prev_hash !== this.#hash) this.#brokenLink(record, last, hashFits);
    const kept = this.#heads.hashAt(this.writer, seq);
    if (kept !== undefined && kept !== record.hash)
      this.#find('audit-rewritten', record, 'rewritten: a kept head has another hash for this record');
    this.#seq = seq;
    this.#hash = record.hash ?? '';
  }

  #brokenLink(record: StoredRecord, last: StoredRecord | undefined, hashFits: boolean): void {
    // An edit of prev_hash itself has been reported already.
    if (!hashFits) return;
    if (last === undefined) {
      this.#find('audit-rewritten', record, 'rewritten: it does not follow the start of its chain');
      return;
    }
    const message = `rewritten: record id ${record.id}, which follows it, was chained to another hash`;
    this.#find('audit-rewritten', last, message);
  }

  #find(code: Parameters<typeof finding>[0], { id, seq }: StoredRecord, message: string): void {
    this.#findings.push(finding(code, { id, writer: this.writer, seq }, message));
  }
}

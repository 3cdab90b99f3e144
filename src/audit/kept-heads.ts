/**
 * Compares heads that were kept elsewhere with the chains as they are now.
 *
 * @module
 */
import type { Head } from './chain.ts';
import { type Finding, finding, type PrunedRange, prunedOf } from './findings.ts';

export class KeptHeads {
  readonly #byWriter = new Map<string, Map<number, Head>>();
  readonly #conflicts: Head[] = [];
  /** How many there are. */
  readonly count: number;

  constructor(heads: readonly Head[]) {
    this.count = heads.length;
    for (const head of heads) {
      const ofWriter = this.#byWriter.get(head.writer) ?? new Map<number, Head>();
      this.#byWriter.set(head.writer, ofWriter);
      const other = ofWriter.get(head.seq);
      if (other !== undefined && other.hash !== head.hash) this.#conflicts.push(head);
      ofWriter.set(head.seq, head);
    }
  }

  /** The kept hash of a record. */
  hashAt(writer: string, seq: number): string | undefined {
    return this.#byWriter.get(writer)?.get(seq)?.hash;
  }

  #last(writer: string): number {
    return Math.max(0, ...(this.#byWriter.get(writer)?.keys() ?? []));
  }

  /** @param ends the end of each chain */
  check(ends: ReadonlyMap<string, Head>, pruned: readonly PrunedRange[]): Finding[] {
    if (this.count === 0) return [];
    const findings = this.#conflicts.map(({ writer, seq }) =>
      finding('audit-rewritten', { writer, seq }, 'rewritten: two kept heads have different hashes for this number'),
    );
    for (const writer of this.#byWriter.keys()) findings.push(...this.#checkEnd(writer, ends.get(writer), pruned));
    return [...findings, ...pruned.flatMap(range => this.#checkRange(range))];
  }

  #checkEnd(writer: string, end: Head | undefined, pruned: readonly PrunedRange[]): Finding[] {
    const seq = this.#last(writer);
    const last = end?.seq ?? prunedOf(pruned, writer)?.last_seq;
    if (last === undefined) {
      const message = `missing: a kept head has number ${seq}, but the log has no record of this writer`;
      return [finding('audit-writer-missing', { writer, seq }, message)];
    }
    if (seq <= last) return [];
    const message = `cut: the chain ends with number ${last}, a kept head has number ${seq}`;
    return [finding('audit-cut', { writer, seq }, message)];
  }

  /** A record of pruning counts where a kept head covers the range, or the record itself. */
  #checkRange({ writer, last_seq, last_hash, record }: PrunedRange): Finding[] {
    const kept = this.hashAt(writer, last_seq);
    if (kept !== undefined && kept !== last_hash) {
      const message = 'rewritten: the record of pruning has another hash for this number than a kept head';
      return [finding('audit-rewritten', { writer, seq: last_seq }, message)];
    }
    const recordKept = record.writer !== null && record.seq !== null && this.#last(record.writer) >= record.seq;
    if (recordKept || this.#last(writer) >= last_seq) return [];
    const message = `unproven: record id ${record.id} says that numbers up to ${last_seq} were pruned, but no kept head covers it`;
    return [finding('audit-pruned-unproven', { writer, seq: last_seq }, message)];
  }
}

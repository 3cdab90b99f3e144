/**
 * What `audit verify` can find.
 *
 * @module
 */

export interface Finding {
  readonly kind:
    | 'edited'
    | 'removed'
    | 'reordered'
    | 'inserted'
    | 'rewritten'
    | 'cut'
    | 'missing-writer'
    | 'pruned-unproven'
    | 'seal-broken'
    | 'not-chained'
    | 'trigger-missing'
    | 'trigger-added'
    | 'trigger-changed';
  readonly id: number | null;
  readonly writer: string | null;
  readonly seq: number | null;
  readonly message: string;
}

/** A leading range of a chain that `prune` took out, by the record that it left. */
export interface PrunedRange {
  readonly writer: string;
  readonly last_seq: number;
  readonly last_hash: string;
  /** Unix seconds. */
  readonly at: number;
  /** Where that record is. */
  readonly record: { readonly id: number; readonly writer: string | null; readonly seq: number | null };
}

/** The longest range of a writer. */
export function prunedOf(ranges: readonly PrunedRange[], writer: string): PrunedRange | undefined {
  return ranges
    .filter(range => range.writer === writer)
    .reduce<PrunedRange | undefined>(
      (found, range) => (found === undefined || range.last_seq > found.last_seq ? range : found),
      undefined,
    );
}

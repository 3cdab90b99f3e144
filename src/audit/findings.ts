/**
 * What a check of the audit log can find, each with its fix.
 *
 * @module
 */

const EVIDENCE =
  'Keep the database as evidence, restore a backup to compare with, and find out who can write the database.';

const FIXES = {
  'audit-edited': EVIDENCE,
  'audit-removed': EVIDENCE,
  'audit-reordered': EVIDENCE,
  'audit-inserted': EVIDENCE,
  'audit-rewritten': EVIDENCE,
  'audit-cut': EVIDENCE,
  'audit-writer-missing': EVIDENCE,
  'audit-seal-broken': EVIDENCE,
  'audit-not-chained':
    'Stop the old broker if it still writes this database. If it does not, someone else wrote the record: keep the database as evidence.',
  'audit-not-migrated': 'Start walletcreds serve with this database once: it migrates and seals it.',
  'audit-pruned-unproven':
    'Give the heads that walletcreds audit heads printed before or after the pruning. If nobody pruned, keep the database as evidence.',
} as const;

export interface Finding {
  /** `docs/symptoms.md` has an entry for each code. */
  readonly code: keyof typeof FIXES | 'audit-trigger-missing' | 'audit-trigger-added' | 'audit-trigger-changed';
  readonly id: number | null;
  readonly writer: string | null;
  readonly seq: number | null;
  readonly message: string;
  readonly fix: string;
}

/** The record or the chain that a finding is about. */
export type Place = Partial<Pick<Finding, 'id' | 'writer' | 'seq'>>;

export function finding(code: keyof typeof FIXES, place: Place, message: string): Finding {
  return { code, id: null, writer: null, seq: null, ...place, message, fix: FIXES[code] };
}

/** A leading range of a chain that `prune` removed, by the record that it left. */
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

/**
 * The known name that somebody probably meant.
 *
 * @module
 */

/** Edits (insert, delete, replace, swap of neighbours) from one text to the other: optimal string alignment. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(rows, i - 1, j) + 1, (row[j - 1] ?? 0) + 1, at(rows, i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(rows, i - 2, j - 2) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return at(rows, a.length, b.length);
}

const at = (rows: number[][], i: number, j: number): number => rows[i]?.[j] ?? 0;

/** `roleArn`, `role-arn` and `ROLE_ARN` are all spellings of `role_arn`. */
const folded = (name: string): string => name.toLowerCase().replace(/[-_. ]/g, '');

/** Known names that a text is compared with, and that a message lists: more help nobody, and each finding costs them. */
const COMPARED = 1_000;
const LISTED = 20;

/**
 * @param known of a longer list only the first 1,000 are compared
 * @returns the nearest of `known`, or undefined when none is near enough to be meant (more than a third of it differs)
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 128) return undefined;
  const lower = name.toLowerCase();
  const bare = folded(name);
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known.slice(0, COMPARED)) {
    if (folded(candidate) === bare) return candidate;
    const limit = Math.min(Math.max(1, Math.floor(candidate.length / 3)), (best?.distance ?? Infinity) - 1);
    // The lengths alone differ by that many edits.
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance <= limit) best = { name: candidate, distance };
  }
  return best?.name;
}

/** `did you mean "x"?`, or the list of what is known. */
export function suggestion(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  if (known.length === 0) return 'nothing is known here';
  const more = known.length > LISTED ? ` and ${known.length - LISTED} more` : '';
  return `known here: ${known.slice(0, LISTED).join(', ')}${more}`;
}

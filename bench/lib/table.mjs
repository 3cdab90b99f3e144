/**
 * The results as a table: the figure, its spread, its target.
 *
 * A result is `{ what, found, atLeast?, atMost?, unit? }`; `found` is a number or a summary of several.
 *
 * @module
 */

/** @returns {'yes' | 'NO' | ''} '' where there is no target */
function isMet({ found, atLeast, atMost }) {
  const value = typeof found === 'number' ? found : found.median;
  if (atLeast !== undefined) return value >= atLeast ? 'yes' : 'NO';
  if (atMost !== undefined) return value <= atMost ? 'yes' : 'NO';
  return '';
}

/** @param {readonly object[]} figures */
export function table(figures) {
  const rows = figures.map(each => {
    const { what, found, atLeast, atMost, unit = '' } = each;
    const target = atLeast !== undefined ? `≥ ${number(atLeast)}` : atMost !== undefined ? `≤ ${number(atMost)}` : '';
    const value = typeof found === 'number' ? found : found.median;
    const spread = typeof found === 'number' ? '' : `${number(found.q1)}–${number(found.q3)}`;
    return [what, `${number(value)}${unit === '' ? '' : ` ${unit}`}`, spread, target, isMet(each)];
  });
  const all = [['', 'found', 'quartiles', 'target', 'met'], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map(row => row[column].length)));
  return all
    .map(row =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function number(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

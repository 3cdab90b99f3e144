/**
 * The verdicts as a table: what was found, how far it spread, what it has to be.
 *
 * A verdict is `{ what, found, atLeast?, atMost?, aim?, unit? }`; `found` is a number or a summary of several.
 *
 * @module
 */

/** @returns {'yes' | 'NO' | ''} '' where there is no target */
export function verdict({ found, atLeast, atMost }) {
  const value = typeof found === 'number' ? found : found.median;
  if (atLeast !== undefined) return value >= atLeast ? 'yes' : 'NO';
  if (atMost !== undefined) return value <= atMost ? 'yes' : 'NO';
  return '';
}

/** @param {readonly object[]} verdicts */
export function table(verdicts) {
  const rows = verdicts.map(each => {
    const { what, found, atLeast, atMost, aim, unit = '' } = each;
    const target = atLeast !== undefined ? `≥ ${number(atLeast)}` : atMost !== undefined ? `≤ ${number(atMost)}` : '';
    const value = typeof found === 'number' ? found : found.median;
    const spread = typeof found === 'number' ? '' : `${number(found.q1)}–${number(found.q3)}`;
    return [
      what,
      `${number(value)}${unit === '' ? '' : ` ${unit}`}`,
      spread,
      target,
      aim === undefined ? '' : number(aim),
      verdict(each),
    ];
  });
  const all = [['', 'found', 'quartiles', 'target', 'aim', 'met'], ...rows];
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

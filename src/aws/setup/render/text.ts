/**
 * Comments, wrapped.
 *
 * @module
 */

/** A text as comment lines of at most 120 characters. Line breaks within the text can't end the comment. */
export function commentLines(text: string, lead: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(w => w !== '')) {
    if (line !== '' && lead.length + line.length + word.length + 1 > 120) {
      lines.push(lead + line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  if (line !== '') lines.push(lead + line);
  return lines;
}

/**
 * Text from elsewhere, made fit for a line of ours.
 *
 * @module
 */

/** Without control characters. Line feeds stay, since some of our own messages have a line for each finding. */
export function plain(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

/** Without the slashes at its end. */
export function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end--;
  return text.slice(0, end);
}

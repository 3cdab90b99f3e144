/**
 * Text from elsewhere, made fit for a line of ours.
 *
 * @module
 */

/** Without control characters, of which line feeds alone stay: some of our own messages have a line a finding. */
export function plain(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

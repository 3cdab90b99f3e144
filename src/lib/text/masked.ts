/**
 * The one filter for text from outside: every message of a log, an answer or an audit record passes through it.
 *
 * @module
 */
import { plain } from './plain.ts';

/** No pattern sees more of a text: time and memory stay bounded, whatever a peer sends. */
const MAX_INPUT = 4_096;
const MAX_OUTPUT = 300;
/** A part of a JWT is longer than most words. */
const MIN_PART = 16;

/**
 * Cuts at 4,096 characters first, then masks what looks like a JWT, takes out control characters, and cuts at 300
 * characters. A message can carry no token along and can't move a terminal's cursor.
 */
export function masked(text: string): string {
  const safe = plain(text.slice(0, MAX_INPUT)).replace(/[\w.-]{33,}/g, maskedWord);
  return safe.length > MAX_OUTPUT ? `${safe.slice(0, MAX_OUTPUT - 1)}…` : safe;
}

/** Two long parts with a dot between them, and the part after them, are a token. */
function maskedWord(word: string): string {
  const out: string[] = [];
  const parts = word.split('.');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    const token = part.length >= MIN_PART && (parts[i + 1]?.length ?? 0) >= MIN_PART;
    out.push(token ? '[jwt]' : part);
    if (token) i += 2;
  }
  return out.join('.');
}

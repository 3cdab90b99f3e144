/**
 * Text that can do nothing to a terminal.
 *
 * @module
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * C0 and C1 controls, DEL, and the invisible characters that reorder text, as `\u{…}`: unauthenticated clients chose
 * part of what is in a database, and a terminal obeys what it is sent.
 */
export function inert(text: string): string {
  return text.replace(CONTROLS, char => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** JSON whose strings hold no such character either. */
export function inertJson(value: unknown, indent?: number): string {
  // Line ends that come from the indent are the only controls that JSON.stringify leaves in.
  return JSON.stringify(value, null, indent).replace(CONTROLS, char =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Parses JSON without duplicate members. `JSON.parse` takes the last of two equal members, and other parsers take the
 * first. A document could therefore pass our check with one value and reach STS with another. Duplicates are errors
 * here, at any depth and with any escapes in the name.
 *
 * @module
 */

/** The deepest nesting that is read. It bounds stack and time, and no real document needs it. */
const MAX_DEPTH = 32;

/** What {@link parseStrictJson} throws; never quotes the text. */
export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';
  /** The member that occurs twice, if that is what is wrong. */
  readonly member: string | undefined;

  constructor(message: string, member?: string) {
    super(message);
    this.member = member;
  }
}

/**
 * Parses JSON and refuses duplicate members and deep nesting.
 *
 * @throws StrictJsonError
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, which may be a secret.
    throw new StrictJsonError('not valid JSON');
  }
  refuseDuplicates(text);
  return value;
}

/** Visits the tokens of a text that is known to be valid JSON; a string is a name where an object expects one. */
function refuseDuplicates(text: string): void {
  /** For each open bracket the names seen in it; null for an array. */
  const open: (Set<string> | null)[] = [];
  let expectsName = false;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '{':
      case '[':
        expectsName = text[i] === '{';
        if (open.push(expectsName ? new Set() : null) > MAX_DEPTH) {
          throw new StrictJsonError(`nested more than ${MAX_DEPTH} deep`);
        }
        break;
      case '}':
      case ']':
        open.pop();
        expectsName = false;
        break;
      case ',':
        expectsName = open.at(-1) instanceof Set;
        break;
      case '"': {
        const end = endOfString(text, i);
        const names = open.at(-1);
        if (expectsName && names) {
          const name = JSON.parse(text.slice(i, end + 1)) as string;
          if (names.has(name)) throw new StrictJsonError('a member occurs twice', name);
          names.add(name);
          expectsName = false;
        }
        i = end;
        break;
      }
    }
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

/** Whether a parsed value is an object and no array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members of a text that is a JSON object; none for any other text. */
export function membersOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

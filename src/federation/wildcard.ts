/**
 * Texts of policies as patterns: `*`, `?`, and policy variables, which stand for exactly their value.
 *
 * Matched without regular expressions: a pattern with many stars must not take for ever.
 *
 * @module
 */

/** The value of a context key; undefined where it has none. */
export type Lookup = (key: string) => string | undefined;
export type Matcher = (text: string) => boolean;

/** A literal character, `?` or `*`. */
type Token = { readonly literal: string } | 'one' | 'any';

export interface PatternOptions {
  /** Whether `*` and `?` are more than characters. Default true. */
  readonly wild?: boolean;
  readonly ignoreCase?: boolean;
  /** Absent where `${…}` is plain text. */
  readonly lookup?: Lookup | undefined;
}

/** @returns undefined where a variable has neither value nor default */
export function compiled(pattern: string, options: PatternOptions = {}): Matcher | undefined {
  const { wild = true, ignoreCase = false, lookup } = options;
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  if (!/[*?$]/.test(pattern)) {
    const only = fold(pattern);
    return text => fold(text) === only;
  }
  const tokens: Token[] = [];
  const literal = (text: string) => tokens.push(...[...fold(text)].map(character => ({ literal: character })));
  const plain = (text: string) => {
    for (const character of text) {
      if (wild && character === '*') tokens.push('any');
      else if (wild && character === '?') tokens.push('one');
      else literal(character);
    }
  };
  let end = 0;
  for (const match of lookup === undefined ? [] : pattern.matchAll(/\$\{([^{}]*)\}/g)) {
    plain(pattern.slice(end, match.index));
    end = match.index + match[0].length;
    const inner = match[1] ?? '';
    const [, name = '', fallback] = /^\s*([^,]*?)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inner) ?? [];
    const value = /^[*?$]$/.test(inner) ? inner : (lookup?.(name.toLowerCase()) ?? fallback);
    if (value === undefined) return undefined;
    literal(value);
  }
  plain(pattern.slice(end));
  return text => matches(tokens, [...fold(text)]);
}

/** Goes back to the last star alone, so that the time is at most text × pattern. */
function matches(tokens: readonly Token[], characters: readonly string[]): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < characters.length) {
    const token = tokens[p];
    if (token === 'any') {
      star = p++;
      mark = t;
    } else if (token === 'one' || token?.literal === characters[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  return tokens.slice(p).every(token => token === 'any');
}

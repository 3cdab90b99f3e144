/**
 * Values of IAM's policies: policy variables (`${aws:RequestTag/x}`), and the wildcards of `StringLike`, actions and resources.
 *
 * @module
 */

/** A literal character, `?` (any one) or `*` (any run). What a variable brings in is always literal. */
type Token = { readonly literal: string } | 'one' | 'any';
export type Pattern = readonly Token[];

/** The single value of a context key; undefined where the key is missing or has several. */
export type Lookup = (key: string) => string | undefined;

/**
 * @param lookup absent for a policy without variables (Version 2008-10-17)
 * @returns undefined where a variable has neither value nor default: such a statement can't apply
 */
export function compile(text: string, options: { wildcards: boolean; lookup?: Lookup }): Pattern | undefined {
  const tokens: Token[] = [];
  const literal = (value: string) => tokens.push(...[...value].map(character => ({ literal: character })));
  const plain = (part: string) => {
    for (const character of part) {
      if (options.wildcards && character === '*') tokens.push('any');
      else if (options.wildcards && character === '?') tokens.push('one');
      else tokens.push({ literal: character });
    }
  };
  const { lookup } = options;
  if (lookup === undefined) {
    plain(text);
    return tokens;
  }
  let end = 0;
  for (const match of text.matchAll(/\$\{([^{}]*)\}/g)) {
    plain(text.slice(end, match.index));
    end = match.index + match[0].length;
    const name = match[1] ?? '';
    if (name === '*' || name === '?' || name === '$') {
      literal(name);
      continue;
    }
    const parts = /^\s*([^,]*?)\s*(?:,\s*'([^']*)'\s*)?$/.exec(name);
    const value = lookup(parts?.[1] ?? '') ?? parts?.[2];
    if (value === undefined) return undefined;
    literal(value);
  }
  plain(text.slice(end));
  return tokens;
}

/** Whether the whole text matches. Runs in O(text × pattern) at worst: it goes back to the last `*` alone. */
export function matches(pattern: Pattern, text: string, options: { ignoreCase?: boolean } = {}): boolean {
  const characters = [...text];
  const fold = (s: string) => (options.ignoreCase === true ? s.toLowerCase() : s);
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < characters.length) {
    const token = pattern[p];
    if (token === 'any') {
      star = p++;
      mark = t;
    } else if (token === 'one' || (token !== undefined && fold(token.literal) === fold(characters[t] ?? ''))) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === 'any') p++;
  return p === pattern.length;
}

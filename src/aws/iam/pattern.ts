/**
 * The texts in a policy: policy variables (`${aws:RequestTag/x}`) and the wildcards of `StringLike`, actions and resources.
 *
 * @module
 */

/** A literal text, `?` (any one character) or `*` (any run). What a variable brings in is always literal. */
type Token = { readonly literal: string } | 'one' | 'any';
export type Pattern = readonly Token[];

/** The single value of a context key; undefined where the key is missing or has several. */
export type Lookup = (key: string) => string | undefined;

/** `${key}` and `${key, 'default'}`; also the escapes `${*}`, `${?}` and `${$}`. */
const VARIABLE = /\$\{([^{}]{0,256})\}/g;

/** The context keys that a text's variables name. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(VARIABLE)]
    .map(([, inner = '']) => split(inner).key)
    .filter(key => key !== '*' && key !== '?' && key !== '$');
}

/**
 * @param options.lookup absent for a policy without variables (version 2008-10-17)
 * @returns undefined where a variable has neither value nor default
 */
export function compile(text: string, options: { wildcards: boolean; lookup?: Lookup }): Pattern | undefined {
  const { wildcards, lookup } = options;
  const tokens: Token[] = [];
  const literal = (value: string) => tokens.push(...[...value].map(character => ({ literal: character })));
  const plain = (part: string) => {
    for (const character of part) {
      if (wildcards && character === '*') tokens.push('any');
      else if (wildcards && character === '?') tokens.push('one');
      else tokens.push({ literal: character });
    }
  };
  let end = 0;
  for (const match of lookup === undefined ? [] : text.matchAll(VARIABLE)) {
    plain(text.slice(end, match.index));
    end = match.index + match[0].length;
    const { key, fallback } = split(match[1] ?? '');
    const value = key === '*' || key === '?' || key === '$' ? key : (lookup?.(key) ?? fallback);
    if (value === undefined) return undefined;
    literal(value);
  }
  plain(text.slice(end));
  return tokens;
}

function split(inner: string): { key: string; fallback: string | undefined } {
  const at = inner.indexOf(',');
  if (at < 0) return { key: inner.trim(), fallback: undefined };
  const [, fallback] = /^'([^']*)'$/.exec(inner.slice(at + 1).trim()) ?? [];
  return { key: fallback === undefined ? '' : inner.slice(0, at).trim(), fallback };
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

/**
 * Whether an ARN matches, part by part: a wildcard in one of the first five parts doesn't reach into the next.
 *
 * @returns undefined where one of the two isn't an ARN of six parts
 */
export function matchesArn(pattern: Pattern, arn: string): boolean | undefined {
  const parts = partsOf(pattern);
  const asked = arn.split(':');
  if (parts.length < 6 || asked.length < 6) return undefined;
  const texts = [...asked.slice(0, 5), asked.slice(5).join(':')];
  return parts.every((part, i) => matches(part, texts[i] ?? ''));
}

/** The six parts of an ARN's pattern; fewer where it has fewer colons. */
function partsOf(pattern: Pattern): Pattern[] {
  const parts: Token[][] = [[]];
  for (const token of pattern) {
    const colon = typeof token === 'object' && token.literal === ':';
    if (colon && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

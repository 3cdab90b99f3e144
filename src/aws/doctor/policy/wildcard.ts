/**
 * Texts of policies as matchers, many of them asked of many requests.
 *
 * @module
 */
import { compile, type Lookup, matches } from '../../iam/pattern.ts';

export type Matcher = (text: string) => boolean;

export interface MatcherOptions {
  /** Whether `*` and `?` are more than characters. Default true. */
  readonly wild?: boolean;
  readonly ignoreCase?: boolean;
  /** By lower-case key. Absent where `${…}` is plain text. */
  readonly lookup?: Lookup | undefined;
}

/** @returns undefined where a variable has neither value nor default */
export function compiled(text: string, options: MatcherOptions = {}): Matcher | undefined {
  const { wild = true, ignoreCase = false, lookup } = options;
  const pattern = compile(text, {
    wildcards: wild,
    ...(lookup && { lookup: key => lookup(key.toLowerCase()) }),
  });
  return pattern && (asked => matches(pattern, asked, { ignoreCase }));
}

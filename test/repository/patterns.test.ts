/**
 * Every regular expression of the program runs in linear time, whatever text it meets.
 *
 * @module
 */
import { isSafePattern } from 'redos-detector';
import { describe, expect, test } from 'vitest';
import { files } from '../support/repository.ts';
import { nodes, parse } from '../support/syntax.ts';

/** Backtracking steps that don't grow with the text. */
const MAX_SCORE = 1_000;

interface Found {
  readonly place: string;
  readonly pattern: string;
  readonly flags: string;
}

const parsed = files('src', '.ts').map(file => ({ file, tree: [...nodes(parse(file))] }));

const literals: Found[] = parsed.flatMap(({ file, tree }) =>
  tree.flatMap(({ type, regex }) => {
    if (type !== 'Literal' || !regex) return [];
    return [{ place: `${file} /${regex.pattern}/${regex.flags}`, ...regex }];
  }),
);

function isLinear({ pattern, flags }: Pick<Found, 'pattern' | 'flags'>): boolean {
  return isSafePattern(pattern, {
    caseInsensitive: flags.includes('i'),
    unicode: flags.includes('u'),
    dotAll: flags.includes('s'),
    multiLine: flags.includes('m'),
    maxScore: MAX_SCORE,
    timeout: 20_000,
  }).safe;
}

describe('regular expressions', () => {
  test('are literals, so that each can be checked', () => {
    const made = parsed.filter(({ tree }) =>
      tree.some(
        ({ type, callee }) => (type === 'NewExpression' || type === 'CallExpression') && callee?.name === 'RegExp',
      ),
    );
    expect(made.map(({ file }) => file)).toEqual([]);
  });

  test('are linear', { timeout: 60_000 }, () => {
    expect(literals.length).toBeGreaterThan(100);
    expect(literals.filter(found => !isLinear(found)).map(({ place }) => place)).toEqual([]);
  });

  test.each([
    ['(a+)+$', ''],
    ['[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}', 'g'],
    ['\\/+$', ''],
    ['^\\s*(.*?)\\s*$', ''],
  ])('are found out where they are not: %s', (pattern, flags) => {
    expect(isLinear({ pattern, flags })).toBe(false);
  });
});

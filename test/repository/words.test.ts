/**
 * Sources use the standard terms, and short sentences.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { longSentences, type Words, wordsOf } from '../support/prose.ts';
import { files } from '../support/repository.ts';

const MAX_WORDS = 25;

const words = files('src', '.ts').flatMap(wordsOf);

/** Words that have a standard term instead, wherever they appear. */
const BANNED =
  /\b(alike|anew|as it stands|by itself|catalogues?|doors?|error form|(?!^floor$)floors?|full house|house|issuer keys|judg\w*|leaf|leases?|ledgers?|made tokens?|mend(s|ed|ing)?|node refusals?|patience|proofs?|slots?|strangers?|token table|trails?|verbs?|vouch\w*|whoever|witness(es)?)\b/i;

/** Words that are wrong only as names. */
const BANNED_NAMES = /^(attempt|covers|facts|gate|gone|held|room|resolver|turns|walk|within)$/;

/** Where the pattern matches, with what is around it. */
const matches = (of: readonly Words[], pattern: RegExp) =>
  of.flatMap(({ place, text }) => {
    const found = pattern.exec(text);
    return found === null ? [] : [`${place} ${text.slice(Math.max(0, found.index - 40), found.index + 40)}`];
  });

describe('sources', () => {
  test('use the standard terms', () => {
    expect(matches(words, BANNED)).toEqual([]);
  });

  test('name things by the standard terms', () => {
    const names = words.filter(({ kind }) => kind === 'identifier');
    expect(matches(names, BANNED_NAMES)).toEqual([]);
  });

  test(`say at most ${MAX_WORDS} words in a sentence of a message`, () => {
    // A query is one sentence.
    const messages = words.filter(({ kind, text }) => kind === 'text' && !text.startsWith('SELECT '));
    const long = messages.flatMap(({ place, text }) => longSentences(text, MAX_WORDS).map(said => `${place} ${said}`));
    expect(long).toEqual([]);
  });
});

describe('the check', () => {
  test.each(['the audit trail is full', 'trail', 'the workload is at the door'])('finds a banned word: %s', text => {
    expect(text).toMatch(BANNED);
  });

  test('counts words by sentence', () => {
    const said = (count: number) => Array.from({ length: count }, () => 'word').join(' ');
    expect(longSentences(`${said(20)}. ${said(20)}`, 25)).toEqual([]);
    expect(longSentences(`${said(2)}. ${said(26)}`, 25)).toEqual([said(26)]);
  });
});

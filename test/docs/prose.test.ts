/**
 * The documentation is plain English: short sentences, and one word for one thing.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { files, read } from '../support/repository.ts';

const pages = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...files('docs', '.md'),
  ...files('deploy', '.md'),
];

/** CONTRIBUTING.md, "How we write". */
const MOST_WORDS = 35;

/** Words of our own for things that have a name, and words that read as another language. */
const BANNED =
  /\b(mend(s|ed|ing)?|anew|whoever|whomever|alike|strangers?|trails?|ledgers?|leases?|turnstile|vouch(es|ed)?|thereof|hereby|of late)\b/i;

/** A page's text: without code, tags and the targets of links. */
function plain(page: string): string {
  return read(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/<[^>]+>/g, '')
    .replace(/`[^`\n]*`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/^\[[^\]]+\]: .*$/gm, '');
}

/** Paragraphs, list items, headings and cells: a sentence never goes over the end of one. */
function blocks(text: string): string[] {
  return text
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=#)|\n(?=\|)/)
    .flatMap(block => (block.startsWith('|') ? block.split('|') : [block]))
    .map(block => block.replace(/\s+/g, ' ').trim());
}

const sentences = (page: string) =>
  blocks(plain(page)).flatMap(block => block.split(/(?<=[.!?:;][)"*_]*) (?=[\p{Lu}"*_`(]|code|walletcreds)/u));

describe.each(pages)('%s', page => {
  test('has no sentence of more than 35 words', () => {
    const long = sentences(page).filter(sentence => (sentence.match(/[\p{L}\p{N}]+/gu)?.length ?? 0) > MOST_WORDS);
    expect(long).toEqual([]);
  });

  test('uses the standard words', () => {
    expect(sentences(page).filter(sentence => BANNED.test(sentence))).toEqual([]);
  });
});

test('README has at most 1,200 words', () => {
  expect(read('README.md').split(/\s+/).length).toBeLessThanOrEqual(1_200);
});

/**
 * How every file is made.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { files, read } from '../support/repository.ts';

const sources = files('src', '.ts');
const tests = files('test', '.ts');

describe('every source', () => {
  test('says in an @module header what it is for', () => {
    const header = /^(#![^\n]*\n)?\/\*\*\n(?: \*[^\n]*\n)+? \* @module\n \*\/\n/;
    expect(sources.filter(file => !header.test(read(file)))).toEqual([]);
  });

  test('has at most 250 lines', () => {
    expect(sources.filter(file => read(file).trimEnd().split('\n').length > 250)).toEqual([]);
  });

  test('leaves nothing for later', () => {
    const later = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X\\b'].join(''));
    expect([...sources, ...tests, ...files('scripts', '.mjs')].filter(file => later.test(read(file)))).toEqual([]);
  });

  test('suppresses neither the compiler nor the linter without a reason', () => {
    const bare = /@ts-(ignore|nocheck)|@ts-expect-error\s*$|biome-ignore [^:\n]*$|biome-ignore [^:\n]*:\s*$/m;
    expect(
      [...sources, ...tests].filter(file => file !== 'test/repository/sources.test.ts' && bare.test(read(file))),
    ).toEqual([]);
  });
});

describe('every test', () => {
  test('runs: none is skipped, focused or left empty', () => {
    const off = /\b(?:describe|test|it)(?:\.\w+)*\.(?:skip|only|todo|fails)\b(?!If)|\bxit\(|\bxdescribe\(/;
    expect(tests.filter(file => off.test(read(file)))).toEqual([]);
  });

  test('waits for events: no sleep is long enough to be noticed', () => {
    const sleep = /setTimeout\(\s*\w+\s*,\s*[1-9][\d_]{2,}\s*\)|from 'node:timers\/promises'/;
    expect(files('test', '.test.ts').filter(file => sleep.test(read(file)))).toEqual([]);
  });
});

describe('every file', () => {
  test('holds no conflict markers, no private key and no access key of AWS', () => {
    const bad = new RegExp(
      [
        '^<{7} |^>{7} |-----BEGIN (?:EC |RSA )?PRI',
        'VATE KEY-----\\n[A-Za-z0-9+/]{40}|\\bAK',
        'IA(?!\\w*(?:EXAMPLE|CANARY|POISON))[A-Z0-9]{16}\\b',
      ].join(''),
      'm',
    );
    expect([...sources, ...tests, ...files('scripts', '.mjs')].filter(file => bad.test(read(file)))).toEqual([]);
  });
});

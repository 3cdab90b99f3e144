import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson, StrictJsonError } from '../../src/lib/json.ts';

describe('strict JSON', () => {
  it('reads every document without duplicates exactly as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), value => {
        const text = JSON.stringify(value);
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['at the top', '{"a":1,"a":1}', 'a'],
    ['deep inside', '{"x":[{"y":{"b":1,"c":2,"b":3}}]}', 'b'],
    ['hidden by an escape', '{"ab":1,"a\\u0062":2}', 'ab'],
    ['of __proto__', '{"__proto__":{},"__proto__":{}}', '__proto__'],
    ['after a nested object', '{"a":{"z":1},"b":[1,{"z":2}],"a":2}', 'a'],
    ['with white space and quotes about', '{ "\\"" : 1 , "\\"" : 2 }', '"'],
  ])('refuses a duplicate %s and names it', (_, text, member) => {
    expect(() => parseStrictJson(text)).toThrow(expect.objectContaining({ name: 'StrictJsonError', member }));
  });

  it('refuses a duplicate wherever it is put into a document', () => {
    const document = fc.letrec(tie => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constant('null'),
        fc.string().map(s => JSON.stringify(s)),
        fc.array(tie('value')).map(items => `[${items.join(',')}]`),
        tie('object'),
      ),
      object: fc
        .uniqueArray(fc.tuple(fc.string(), tie('value')), { selector: ([name]) => name, maxLength: 4 })
        .map(members => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
    }));
    fc.assert(
      fc.property(document.value as fc.Arbitrary<string>, fc.string(), (value, name) => {
        const text = `{"deep":[${value},{${JSON.stringify(name)}:${value},"${name === 'q' ? 'r' : 'q'}":1,${JSON.stringify(name)}:0}]}`;
        expect(() => parseStrictJson(text)).toThrow(StrictJsonError);
      }),
    );
  });

  it('takes equal names in different objects, and equal strings that are values', () => {
    expect(parseStrictJson('[{"a":"a","b":["a","a"]},{"a":"b"}]')).toEqual([{ a: 'a', b: ['a', 'a'] }, { a: 'b' }]);
  });

  it('refuses what is nested deeper than any real document, without running out of stack', () => {
    expect(() => parseStrictJson('['.repeat(9_000) + ']'.repeat(9_000))).toThrow('nested more than');
  });

  it('never quotes the text, which may be a secret', () => {
    expect(() => parseStrictJson('{"k": s3cr3t}')).toThrow(/^not valid JSON$/);
  });
});

import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { InvalidWallet, isWallet, parseWallet } from '../../src/workload/wallet.ts';
import { identityOf, makeWorkload, sessionNameOf } from '../../src/workload/workload.ts';

const HEX = '0123456789abcdef';
const digits = fc.string({ unit: fc.constantFrom(...HEX), minLength: 40, maxLength: 40 });

/** EIP-55, written from its text: upper case where the nibble of the hash of the lower-case digits is 8 or more. */
function checksummed(lower: string): string {
  const hash = bytesToHex(keccak_256(utf8ToBytes(lower)));
  return `0x${[...lower].map((c, i) => ('89abcdef'.includes(hash.charAt(i)) ? c.toUpperCase() : c)).join('')}`;
}

describe('a wallet', () => {
  it.each([
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
    '0x52908400098527886E0F7030069857D2E4169EE7',
    '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
    '0xde709f2102306220921060314715629080e2fb77',
  ])("of EIP-55's own examples is taken and folded: %s", example => {
    expect(parseWallet(example)).toBe(example.toLowerCase());
  });

  it('with a right checksum is taken and folded', () => {
    fc.assert(fc.property(digits, lower => parseWallet(checksummed(lower)) === `0x${lower}`));
  });

  it('with one flipped case is refused as a typo', () => {
    fc.assert(
      fc.property(digits, fc.nat(39), (lower, at) => {
        const good = checksummed(lower).slice(2);
        const c = good.charAt(at);
        const flipped = c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase();
        const bad = good.slice(0, at) + flipped + good.slice(at + 1);
        fc.pre(flipped !== c && bad !== bad.toLowerCase() && bad !== bad.toUpperCase());
        expect(() => parseWallet(`0x${bad}`)).toThrow(InvalidWallet);
      }),
    );
  });

  it('in all lower or all upper case has no checksum to fail', () => {
    fc.assert(
      fc.property(digits, lower => {
        expect(parseWallet(`0x${lower}`)).toBe(`0x${lower}`);
        expect(parseWallet(`0x${lower.toUpperCase()}`)).toBe(`0x${lower}`);
      }),
    );
  });

  it('comes out in lower case or not at all, whatever goes in', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          digits.map(d => `0x${d}`),
          digits,
        ),
        input => {
          try {
            expect(isWallet(parseWallet(input))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidWallet);
          }
        },
      ),
    );
  });

  it.each([
    ['', /^empty/],
    [`0X${'a'.repeat(40)}`, /write "0x"/],
    ['a'.repeat(40), /"0x" is missing/],
    [`0x${'a'.repeat(39)}`, /39 digits/],
    [`0x${'a'.repeat(41)}`, /41 digits/],
    [`0x${'g'.repeat(40)}`, /no hexadecimal digit/],
    [` 0x${'a'.repeat(40)}`, /no "0x" in front/],
    [`0x${'a'.repeat(40)}\n`, /41 digits/],
    [`0x${'a'.repeat(39)}*`, /no hexadecimal digit/],
  ])('says what is wrong with %j', (input, message) => {
    expect(() => parseWallet(input)).toThrow(message);
  });
});

describe('a session name', () => {
  const wallet = parseWallet(`0x${'ab'.repeat(20)}`);
  const name = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/), fc.string({ minLength: 1, maxLength: 200 }));

  it('is what STS takes and holds the whole wallet', () => {
    fc.assert(
      fc.property(name, text => {
        const session = sessionNameOf({ name: text, wallet });
        expect(session).toMatch(/^[\w+=,.@-]{2,64}$/);
        expect(session.startsWith(`${wallet}@`)).toBe(true);
      }),
    );
  });

  it('never is the same for two workloads of one wallet', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre(a !== b);
        expect(sessionNameOf({ name: a, wallet })).not.toBe(sessionNameOf({ name: b, wallet }));
      }),
    );
    const long = 'x'.repeat(63);
    expect(sessionNameOf({ name: `${long}1`, wallet })).not.toBe(sessionNameOf({ name: `${long}2`, wallet }));
    expect(sessionNameOf({ name: 'a/b', wallet })).not.toBe(sessionNameOf({ name: 'a-b', wallet }));
  });
});

describe('an identity', () => {
  const parts = {
    name: 'a',
    wallet: parseWallet(`0x${'ab'.repeat(20)}`),
    role: parseRoleArn('arn:aws:iam::123456789012:role/r'),
    sessionDuration: 3600,
    walletTag: 'w',
    tags: { a: '1', b: '2' },
    identityToken: { kind: 'file', path: '/t', audience: 'x' },
    origin: 'configured',
  } as const;

  it('differs as soon as one thing differs that credentials depend on', () => {
    const others = [
      { name: 'b' },
      { wallet: parseWallet(`0x${'cd'.repeat(20)}`) },
      { role: parseRoleArn('arn:aws:iam::123456789012:role/s') },
      { sessionDuration: 900 },
      { walletTag: 'v' },
      { tags: { a: '1', b: '3' } },
      { tags: {} },
      { sessionPolicy: '{}' },
      { identityToken: { kind: 'file', path: '/u', audience: 'x' } as const },
      { origin: 'dynamic' as const },
    ].map(change => identityOf({ ...parts, ...change }));
    expect(new Set([identityOf(parts), ...others]).size).toBe(others.length + 1);
  });

  it('does not depend on the order of tags, and the workload can not be changed afterwards', () => {
    const workload = makeWorkload({ ...parts, tags: { b: '2', a: '1' } });
    expect(workload.id).toBe(identityOf(parts));
    expect(() => Object.assign(workload, { name: 'other' })).toThrow();
    expect(() => Object.assign(workload.tags, { c: '3' })).toThrow();
  });
});

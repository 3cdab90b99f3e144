import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkIdentityToken } from '../../src/identity-token/check.ts';
import { TagMismatch } from '../../src/lib/errors.ts';
import { TAG, WALLET, workload } from '../support/workload.ts';
import { claims, jwtOf, NOW, OTHER, TAGS } from './support.ts';

const audience = 'sts.amazonaws.com';
const check = (jwt: string, w = workload(), issuer?: string) =>
  checkIdentityToken(jwt, w, { audience, now: NOW, ...(issuer !== undefined && { issuer }) });
const tagsOf = (tags: unknown, rest: Record<string, unknown> = {}) => claims({ [TAGS]: tags, ...rest });
const principal = (tags: unknown) => tagsOf({ principal_tags: tags });
/** Puts a piece of text into the JSON of the good claims, for what an object can't hold. */
const spliced = (text: string) => `${JSON.stringify(claims()).slice(0, -1)},${text}}`;

describe('an identity token is taken', () => {
  it('when it names the wallet, all tags and nothing else', () => {
    expect(check(jwtOf(claims()), workload(), 'https://oidc.example.com')).toEqual({
      jwt: jwtOf(claims()),
      issuer: 'https://oidc.example.com',
      subject: `agentkeys:agent:${WALLET}`,
      audience,
      expiresAt: NOW / 1000 + 300,
      keyId: 'k',
      tagged: true,
    });
  });

  it.each([
    ['with the audience in an array of one', claims({ aud: [audience] })],
    ['with tag values that are plain strings', principal({ [TAG]: WALLET })],
    ['without transitive keys', tagsOf({ principal_tags: { [TAG]: [WALLET] } })],
    ['with no transitive key', tagsOf({ principal_tags: { [TAG]: [WALLET] }, transitive_tag_keys: [] })],
    ['with a subject of another form', claims({ sub: 'system:serviceaccount:a:b' })],
    ['without the bare claim', claims({ [TAG]: undefined })],
    ['with claims that STS ignores', claims({ 'kubernetes.io': { namespace: 'a' }, toString: 1 })],
  ])('%s', (_, payload) => {
    expect(check(jwtOf(payload)).tagged).toBe(true);
  });

  it('up to 24 hours and a minute before it expires, and not a second earlier', () => {
    const last = NOW / 1000 + 24 * 3600 + 60;
    expect(check(jwtOf(claims({ exp: last }))).expiresAt).toBe(last);
    expect(() => check(jwtOf(claims({ exp: last + 1 })))).toThrow('24 hours');
  });

  it('with up to 20,000 characters, and not with one more', () => {
    // A signature of any length will do, but for one character more than a multiple of four, which base64url never has.
    const ofLength = (length: number): string => {
      const pads = ['', 'x', 'xx', 'xxx'].map(pad => jwtOf(claims({ pad }), { alg: 'ES256' }, ''));
      const start = pads.find(jwt => (length - jwt.length) % 4 !== 1) ?? '';
      return start.padEnd(length, 'A');
    };
    expect(check(ofLength(20_000)).jwt).toHaveLength(20_000);
    expect(() => check(ofLength(20_001))).toThrow('20000');
  });

  it('without a key id where kid is no text', () => {
    expect(check(jwtOf(claims(), { alg: 'ES256', kid: 5 })).keyId).toBeUndefined();
    expect(check(jwtOf(claims(), { alg: 'ES256', kid: 'k5' })).keyId).toBe('k5');
  });

  it('with the further tags of the workload', () => {
    const w = workload({ tags: { team: 'ingest' } });
    expect(check(jwtOf(principal({ [TAG]: [WALLET], team: 'ingest' })), w).tagged).toBe(true);
  });

  it('without tags only from a file, and only where a session policy confines it', () => {
    const bare = jwtOf(claims({ [TAGS]: undefined, [TAG]: undefined }));
    const file = { kind: 'file', path: '/token', audience } as const;
    expect(check(bare, workload({ identityToken: file, sessionPolicy: '{}' })).tagged).toBe(false);
    expect(() => check(bare, workload({ identityToken: file }))).toThrow('needs a session_policy_file');
    expect(() => check(bare, workload({ sessionPolicy: '{}' }))).toThrow(TagMismatch);
    expect(() => check(bare, workload({ identityToken: file, sessionPolicy: '{}', tags: { a: 'b' } }))).toThrow(
      TagMismatch,
    );
  });
});

const flattened = `${TAGS}/principal_tags/${TAG}`;
const refusals: [string, unknown, string][] = [
  ['another issuer', claims({ iss: 'https://evil.example' }), 'iss'],
  ['the issuer with a trailing slash', claims({ iss: 'https://oidc.example.com/' }), 'iss'],
  ['no issuer', claims({ iss: undefined }), 'iss'],
  ['an issuer in an array', claims({ iss: ['https://oidc.example.com'] }), 'iss'],
  ['another audience', claims({ aud: 'walletcreds' }), 'aud'],
  ['two audiences', claims({ aud: [audience, 'other'] }), 'aud'],
  ['the audience in two arrays', claims({ aud: [[audience]] }), 'aud'],
  ['no audience', claims({ aud: undefined }), 'aud'],
  ['an empty list of audiences', claims({ aud: [] }), 'aud'],
  ['the audience in other case', claims({ aud: 'STS.amazonaws.com' }), 'aud'],
  ['an exp that has passed', claims({ exp: NOW / 1000 }), 'exp'],
  ['an exp that is too far', claims({ exp: NOW / 1000 + 86_400 + 120 }), 'exp'],
  ['no exp', claims({ exp: undefined }), 'exp'],
  ['an exp in text', claims({ exp: '99999999999' }), 'exp'],
  ['an infinite exp', JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999'), 'exp'],
  ['no subject', claims({ sub: undefined }), 'sub'],
  ['an empty subject', claims({ sub: '' }), 'sub'],
  ['a subject that is a number', claims({ sub: 1 }), 'sub'],
  ["another wallet's subject", claims({ sub: `agentkeys:agent:${OTHER}` }), 'sub'],
  ['a subject in other case', claims({ sub: `AgentKeys:Agent:${OTHER}` }), 'sub'],
  ['a subject with more behind the wallet', claims({ sub: `agentkeys:agent:${WALLET}/x` }), 'sub'],
  ["another wallet's bare claim", claims({ [TAG]: OTHER }), TAG],
  ['a bare claim in an array', claims({ [TAG]: [WALLET] }), TAG],
  ['no tags', claims({ [TAGS]: undefined }), TAGS],
  ['tags that are null', tagsOf(null), TAGS],
  ['tags that are an array', tagsOf([{ principal_tags: { [TAG]: [WALLET] } }]), TAGS],
  ['tags that are a text', tagsOf(JSON.stringify({ principal_tags: { [TAG]: [WALLET] } })), TAGS],
  ['tags in a claim of another case', claims({ [TAGS]: undefined, [TAGS.toUpperCase()]: {} }), TAGS.toUpperCase()],
  [
    'a further member beside the tags',
    tagsOf({ principal_tags: { [TAG]: WALLET }, Principal_Tags: {} }),
    'Principal_Tags',
  ],
  ['no principal tags', tagsOf({ transitive_tag_keys: [TAG] }), 'principal_tags'],
  ['principal tags in an array', principal([[TAG, WALLET]]), 'principal_tags'],
  ['empty principal tags', principal({}), TAG],
  ["another wallet's tag", principal({ [TAG]: [OTHER] }), TAG],
  ['two values for the tag', principal({ [TAG]: [WALLET, OTHER] }), TAG],
  ['the same value twice', principal({ [TAG]: [WALLET, WALLET] }), TAG],
  ['no value', principal({ [TAG]: [] }), TAG],
  ['a value in an object', principal({ [TAG]: { 0: WALLET, length: 1 } }), TAG],
  ['a value in two arrays', principal({ [TAG]: [[WALLET]] }), TAG],
  ['a number as value', principal({ [TAG]: 5 }), TAG],
  ['a mixed-case wallet', principal({ [TAG]: ['0x52908400098527886E0F7030069857D2E4169EE7'] }), TAG],
  ['a wallet with a space', principal({ [TAG]: [`${WALLET} `] }), TAG],
  ['a wildcard as wallet', principal({ [TAG]: ['*'] }), TAG],
  ['a tag that the workload has not', principal({ [TAG]: WALLET, team: 'ingest' }), 'team'],
  ['the wallet tag again in other case', principal({ [TAG]: WALLET, [TAG.toUpperCase()]: OTHER }), TAG.toUpperCase()],
  ['the wallet tag only in other case', principal({ [TAG.toUpperCase()]: WALLET }), TAG.toUpperCase()],
  ['a tag named like a member of every object', principal({ [TAG]: WALLET, constructor: 'x' }), 'constructor'],
  [
    'a transitive key of another tag',
    tagsOf({ principal_tags: { [TAG]: WALLET }, transitive_tag_keys: ['x'] }),
    'transitive_tag_keys',
  ],
  [
    'a transitive key twice',
    tagsOf({ principal_tags: { [TAG]: WALLET }, transitive_tag_keys: [TAG, TAG] }),
    'transitive_tag_keys',
  ],
  [
    'transitive keys as a text',
    tagsOf({ principal_tags: { [TAG]: WALLET }, transitive_tag_keys: TAG }),
    'transitive_tag_keys',
  ],
  ['a flattened tag beside the nested one', claims({ [flattened]: OTHER }), flattened],
  ['a flattened tag alone', claims({ [TAGS]: undefined, [flattened]: WALLET }), flattened],
  ['flattened transitive keys', claims({ [`${TAGS}/transitive_tag_keys`]: [TAG] }), `${TAGS}/transitive_tag_keys`],
  [
    'a source identity',
    claims({ 'https://aws.amazon.com/source_identity': 'x' }),
    'https://aws.amazon.com/source_identity',
  ],
  [
    'an AWS claim with full-width letters',
    claims({ 'https://aws.amazon.com/ｔags': {} }),
    'https://aws.amazon.com/?ags',
  ],
  [
    'a __proto__ in the principal tags',
    `{"x":1,${JSON.stringify(tagsOf(0)).slice(1).replace(`"${TAGS}":0`, `"${TAGS}":{"principal_tags":{"__proto__":{"${TAG}":"${WALLET}"}}}`)}`,
    '__proto__',
  ],
  ['tags by way of __proto__', `{"__proto__":${JSON.stringify(claims())}}`, 'iss'],
  ['a claim twice', spliced(`"sub":"agentkeys:agent:${OTHER}"`), 'sub'],
  ['the tags twice', spliced(`"${TAGS}":{}`), TAGS],
  [
    'a tag twice, hidden by an escape',
    JSON.stringify(claims()).replace('"transitive_tag_keys"', '"principal\\u005ftags":{},"transitive_tag_keys"'),
    'principal_tags',
  ],
  ['a duplicate in a claim that nobody reads', spliced('"x":{"y":[{"z":1,"z":2}]}'), 'z'],
  ['a payload that is an array', [claims()], '(payload)'],
  ['a payload that is no JSON', '{', '(payload)'],
  ['a payload with a byte-order mark', `\uFEFF${JSON.stringify(claims())}`, '(payload)'],
  ['a payload nested without end', '['.repeat(5_000) + ']'.repeat(5_000), '(payload)'],
];

/** Good claims, and one more whose text holds this byte. */
function withBytes(byte: number): string {
  const [before = '', after = ''] = spliced('"x":"|"').split('|');
  const payload = Buffer.concat([Buffer.from(before), Buffer.from([byte]), Buffer.from(after)]);
  const [header = '', , signature = ''] = jwtOf(claims()).split('.');
  return [header, payload.toString('base64url'), signature].join('.');
}

describe('an identity token is refused, naming the claim, for', () => {
  it.each(refusals)('%s', (_, payload, claim) => {
    try {
      check(jwtOf(payload), workload(), 'https://oidc.example.com');
    } catch (error) {
      expect(error).toBeInstanceOf(TagMismatch);
      expect((error as TagMismatch).claim).toBe(claim);
      expect((error as TagMismatch).message).toContain(claim);
      return;
    }
    expect.unreachable('it was taken');
  });

  it.each([
    ['alg none', jwtOf(claims(), { alg: 'none' })],
    ['alg none without a signature', jwtOf(claims(), { alg: 'none' }, '')],
    ['HS256', jwtOf(claims(), { alg: 'HS256' })],
    ['alg in other case', jwtOf(claims(), { alg: 'es256' })],
    ['no alg', jwtOf(claims(), {})],
    ['alg in an array', jwtOf(claims(), { alg: ['ES256'] })],
    ['alg twice', jwtOf(claims(), '{"alg":"ES256","alg":"none"}')],
    ['a crit header', jwtOf(claims(), { alg: 'ES256', crit: ['b64'], b64: false })],
    ['no signature', jwtOf(claims(), { alg: 'ES256' }, '')],
    ['a header that is a text', jwtOf(claims(), '"ES256"')],
    ['two parts', jwtOf(claims()).split('.').slice(0, 2).join('.')],
    ['five parts', `${jwtOf(claims())}.a.b`],
    ['white space around it', ` ${jwtOf(claims())}`],
    ['padding', jwtOf(claims()).replace('.', '=.')],
    ['the other base64 alphabet', `${jwtOf(claims())}+/`],
    ['stray bits in the last character', jwtOf(claims(), { alg: 'ES256' }, 'c2B')],
    [
      'bytes that are not UTF-8',
      `${jwtOf(claims()).split('.')[0]}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.aa`,
    ],
    ['more than 20,000 characters', jwtOf(claims({ pad: 'x'.repeat(16_000) }))],
    ['nothing at all', ''],
  ])('%s', (_, jwt) => {
    expect(() => check(jwt)).toThrow(TagMismatch);
  });

  it.each([
    ['(token)', jwtOf(claims()).split('.').slice(0, 2).join('.')],
    ['(token)', jwtOf(claims({ pad: 'x'.repeat(16_000) }))],
    ['(header)', jwtOf(claims(), '"ES256"')],
    ['(signature)', jwtOf(claims(), { alg: 'ES256' }, '')],
    ['(payload)', withBytes(0xff)],
    ['alg', jwtOf(claims(), { alg: 'XES256' })],
    ['alg', jwtOf(claims(), { alg: 'ES256X' })],
    ['crit', jwtOf(claims(), { alg: 'ES256', crit: [] })],
    ['crit', jwtOf(claims(), { alg: 'ES256', b64: true })],
    ['iss', jwtOf(claims({ iss: undefined }))],
    ['iss', jwtOf(claims({ iss: '' }))],
    ['iss', jwtOf(claims({ iss: ['https://oidc.example.com'] }))],
  ])('%s, where nothing else is wrong and any issuer will do', (claim, jwt) => {
    expect(() => check(jwt)).toThrow(expect.objectContaining({ name: 'TagMismatch', claim }));
  });

  it('two keys that differ but for case, even if a configuration had both', () => {
    const w = workload({ tags: { team: 'a', Team: 'a' } });
    expect(() => check(jwtOf(principal({ [TAG]: WALLET, team: 'a', Team: 'a' })), w)).toThrow('but for case');
  });

  it('without ever quoting what is in it, but a plain wallet', () => {
    expect(() => check(jwtOf(principal({ [TAG]: [OTHER] })))).toThrow(`names ${OTHER} and not ${WALLET}`);
    for (const value of ['s3cr3t', ['s3cr3t'], { a: 's3cr3t' }]) {
      const failure = (() => {
        try {
          return check(jwtOf(principal({ [TAG]: value })));
        } catch (error) {
          return error as Error;
        }
      })() as Error;
      expect(failure.message).not.toContain('s3cr3t');
    }
    expect(() => check(jwtOf(principal({ ['a\n\u001b[31m'.repeat(99)]: 'x' })))).toThrow(/^[\x20-\x7e]{1,300}$/);
  });
});

describe('for every token', () => {
  const wallet = fc.stringMatching(/^0x[0-9a-f]{40}$/);
  const anything = fc.oneof(
    fc.jsonValue(),
    wallet,
    fc.constantFrom(WALLET, OTHER, [WALLET], [OTHER], WALLET.toUpperCase()),
  );

  it("another wallet's tag is never taken, in whatever shape", () => {
    fc.assert(
      fc.property(wallet, fc.constantFrom('string', 'array'), (other, shape) => {
        fc.pre(other !== WALLET);
        const token = jwtOf(principal({ [TAG]: shape === 'array' ? [other] : other }));
        expect(() => check(token)).toThrow(TagMismatch);
      }),
    );
  });

  it('a changed set of tags is refused: a value, a key, one more, one less', () => {
    const w = workload({ tags: { team: 'ingest', stage: 'prod' } });
    const good = { [TAG]: WALLET, team: 'ingest', stage: 'prod' };
    const flat = (value: unknown) => (Array.isArray(value) && value.length === 1 ? value[0] : value);
    const key = fc.oneof(fc.constantFrom(TAG, 'team', 'stage', 'Team', '__proto__', 'constructor'), fc.string());
    const mutation = fc.array(fc.tuple(key, fc.option(anything, { nil: undefined })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(mutation, changes => {
        const entries = new Map<string, unknown>(Object.entries(good));
        for (const [name, value] of changes) value === undefined ? entries.delete(name) : entries.set(name, value);
        const same =
          entries.size === 3 && Object.entries(good).every(([name, value]) => flat(entries.get(name)) === value);
        const token = jwtOf(principal(Object.fromEntries(entries)));
        if (same) expect(check(token, w).tagged).toBe(true);
        else expect(() => check(token, w)).toThrow(TagMismatch);
      }),
      { numRuns: 500 },
    );
  });

  it('a changed tags claim, or one more AWS claim, is refused', () => {
    const good = JSON.stringify({ [TAG]: WALLET });
    fc.assert(
      fc.property(anything, fc.string(), anything, (tags, suffix, value) => {
        fc.pre(JSON.stringify((tags as { principal_tags?: unknown })?.principal_tags) !== good);
        expect(() => check(jwtOf(tagsOf(tags)))).toThrow(TagMismatch);
        fc.pre(suffix !== 'tags');
        expect(() => check(jwtOf(claims({ [`https://aws.amazon.com/${suffix}`]: value })))).toThrow(TagMismatch);
      }),
    );
  });

  it('nothing but TagMismatch is thrown, and text that is no token is never taken', () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.json().map(text => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), parts => {
        expect(() => check(parts.join('.'))).toThrow(TagMismatch);
      }),
    );
  });
});

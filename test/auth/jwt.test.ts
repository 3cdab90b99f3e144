import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJwtAuthenticator, looksLikeJwt } from '../../src/auth/jwt.ts';
import type { JwtCallerConfig } from '../../src/config/types.ts';
import { fakeClock } from '../support/fake-clock.ts';
import {
  AUDIENCE,
  claims,
  compact,
  everyWallet,
  ISSUER,
  jwtConfig,
  lookupOf,
  makeKey,
  NOW,
  sign,
  WALLET,
} from './support.ts';

const key = makeKey('k1');
const rsa = makeKey('r1', 'RS256');
const foreignKey = makeKey('k1');

function callers(config: Partial<JwtCallerConfig> = {}, more: { keys?: () => Promise<never> } = {}) {
  const workloads = everyWallet();
  const asked: (string | undefined)[] = [];
  const keys = {
    problem: undefined,
    async get(kid: string | undefined) {
      asked.push(kid);
      if (more.keys !== undefined) return more.keys();
      return lookupOf(key, rsa);
    },
  };
  const made = createJwtAuthenticator({
    issuers: [{ config: jwtConfig(config), keys }],
    workloads,
    clock: fakeClock(),
  });
  return { ...made, workloads, asked };
}

const code = (jwt: string, config: Partial<JwtCallerConfig> = {}) =>
  callers(config)
    .authenticate(jwt)
    .then(
      caller => caller.workload.wallet as string,
      (error: { code: string }) => error.code,
    );

const REFUSED = 'InvalidAuthorizationToken';

describe('a JWT of a configured issuer', () => {
  it('is taken with ES256 and with RS256, and its wallet is the claim’s', async () => {
    expect(await code(await sign(key))).toBe(WALLET);
    expect(await code(await sign(rsa))).toBe(WALLET);
  });

  it('finds its wallet in a nested claim by a dotted path', async () => {
    const jwt = await sign(key, claims({ wallet: undefined, agentkeys: { wallet_address: WALLET } }));
    expect(await code(jwt, { walletClaim: 'agentkeys.wallet_address' })).toBe(WALLET);
  });

  it('is (issuer, sub, wallet), and the caller holds until the token expires', async () => {
    const { authenticate, workloads } = callers();
    const caller = await authenticate(await sign(key));
    expect(workloads.asked).toEqual([{ by: 'jwt', source: ISSUER, subject: 'user-1', wallet: WALLET }]);
    expect(caller).toMatchObject({ kind: 'jwt', presentedUntil: (NOW + 600) * 1_000 });
    expect(caller.tokenHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is kept in the caller only where it must be forwarded', async () => {
    expect(await callers().authenticate(await sign(key))).not.toHaveProperty('dynamic');
  });

  it('maps its sub to a workload where subjects are listed', async () => {
    const subjects = { 'system:serviceaccount:scrapers:scraper-a': 'scraper-a' };
    const { authenticate } = callers({ subjects });
    const caller = await authenticate(await sign(key, claims({ sub: 'system:serviceaccount:scrapers:scraper-a' })));
    expect(caller.workload.name).toBe('scraper-a');
  });

  it('may be signed up to a minute ahead of this clock, and no more', async () => {
    expect(await code(await sign(key, claims({ iat: NOW + 59, nbf: NOW + 59 })))).toBe(WALLET);
    expect(await code(await sign(key, claims({ iat: NOW + 61 })))).toBe(REFUSED);
    expect(await code(await sign(key, claims({ nbf: NOW + 61 })))).toBe(REFUSED);
  });
});

describe('a hostile JWT is a 401', () => {
  const hostile: [string, () => string | Promise<string>][] = [
    ['alg none', () => compact({ alg: 'none' }, claims())],
    ['alg none with a kid that is known', () => compact({ alg: 'none', kid: 'k1' }, claims())],
    ['alg None in another case', () => compact({ alg: 'nOnE', kid: 'k1' }, claims(), 'AAAA')],
    [
      'HS256 with the public key as its secret',
      async () => {
        const { createHmac } = await import('node:crypto');
        const unsigned = compact({ alg: 'HS256', kid: 'r1' }, claims()).slice(0, -1);
        return `${unsigned}.${createHmac('sha256', rsa.publicPem).update(unsigned).digest('base64url')}`;
      },
    ],
    ['a signature of somebody else under a known kid', () => sign(foreignKey)],
    ['a kid that is a path', () => sign(foreignKey, claims(), { kid: '../../../../dev/null' })],
    ['a kid that is a URL', () => sign(foreignKey, claims(), { kid: 'http://127.0.0.1:1/key' })],
    ['a kid that is no string', () => compact({ alg: 'ES256', kid: { a: 1 } }, claims(), 'AAAA')],
    ['a jku header', () => sign(foreignKey, claims(), { jku: 'http://127.0.0.1:1/jwks' })],
    ['an x5u header', () => sign(foreignKey, claims(), { x5u: 'http://127.0.0.1:1/cert' })],
    ['a jwk header with the key that signed it', () => sign(foreignKey, claims(), { jwk: foreignKey.jwk })],
    ['a crit header', () => compact({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }, claims(), 'AAAA')],
    ['two audiences', () => sign(key, claims({ aud: [AUDIENCE, 'sts.amazonaws.com'] }))],
    ['another audience', () => sign(key, claims({ aud: 'sts.amazonaws.com' }))],
    ['no audience', () => sign(key, claims({ aud: undefined }))],
    ['an issuer with a trailing slash', () => sign(key, claims({ iss: `${ISSUER}/` }))],
    ['an issuer in another case', () => sign(key, claims({ iss: ISSUER.toUpperCase() }))],
    ['an issuer that is a list', () => sign(key, claims({ iss: [ISSUER] }))],
    ['no issuer', () => sign(key, claims({ iss: undefined }))],
    ['no exp', () => sign(key, claims({ exp: undefined }))],
    ['an exp that is text', () => sign(key, claims({ exp: '9999999999' }))],
    ['an exp that has passed a second ago', () => sign(key, claims({ exp: NOW - 1 }))],
    ['an exp that is now', () => sign(key, claims({ exp: NOW }))],
    ['no iat', () => sign(key, claims({ iat: undefined }))],
    ['a life of more than 24 hours', () => sign(key, claims({ iat: NOW - 10, exp: NOW - 10 + 86_401 }))],
    ['no sub', () => sign(key, claims({ sub: undefined }))],
    ['an empty sub', () => sign(key, claims({ sub: '' }))],
    ['a sub that is a number', () => sign(key, claims({ sub: 7 }))],
    ['a payload that is a list', () => compact({ alg: 'ES256', kid: 'k1' }, [1], 'AAAA')],
    ['a header that is no JSON', () => 'AAAA.BBBB.CCCC'],
    ['empty parts', () => '..'],
    ['more than 16,384 characters', () => `${'A'.repeat(8_000)}.${'B'.repeat(8_000)}.${'C'.repeat(8_000)}`],
  ];
  it.each(hostile)('%s', async (_, make) => {
    const jwt = await make();
    expect(looksLikeJwt(jwt)).toBe(true);
    expect(await code(jwt)).toBe(REFUSED);
  });

  it('HS256 even where a key that would verify it is at hand: the algorithms are pinned', async () => {
    const { createHmac, createSecretKey } = await import('node:crypto');
    const unsigned = compact({ alg: 'HS256', kid: 'r1' }, claims()).slice(0, -1);
    const jwt = `${unsigned}.${createHmac('sha256', rsa.publicPem).update(unsigned).digest('base64url')}`;
    const secret = createSecretKey(Buffer.from(rsa.publicPem));
    const keys = {
      problem: undefined,
      get: async () => (async () => secret) as unknown as ReturnType<typeof lookupOf>,
    };
    const { authenticate } = createJwtAuthenticator({
      issuers: [{ config: jwtConfig(), keys }],
      workloads: everyWallet(),
      clock: fakeClock(),
    });
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: REFUSED });
  });

  it('whatever it is, its refusal has the words of every other', async () => {
    const refusals = await Promise.all(
      [hostile[0], hostile[4], hostile[12]].map(async entry =>
        callers()
          .authenticate((await entry?.[1]()) ?? '')
          .catch((error: Error) => error.message),
      ),
    );
    expect(new Set(refusals).size).toBe(1);
  });

  it('of an issuer that isn’t configured makes nobody fetch a key', async () => {
    const { authenticate, asked } = callers();
    await expect(authenticate(await sign(key, claims({ iss: 'https://evil.example' })))).rejects.toMatchObject({
      code: REFUSED,
    });
    expect(asked).toEqual([]);
  });
});

describe('a good JWT that maps to nobody is a 403', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'someone-else'])('sub %s', async sub => {
    expect(await code(await sign(key, claims({ sub })), { subjects: { known: 'scraper-a' } })).toBe('WorkloadUnknown');
  });
  it('a subject of a workload that is gone', async () => {
    expect(await code(await sign(key), { subjects: { 'user-1': 'gone' } })).toBe('WorkloadUnknown');
  });
});

describe('keys that can’t be had', () => {
  it('are an outage and no refusal: a client may ask again', async () => {
    const { authenticate } = callers({}, { keys: () => Promise.reject(new Error('down')) });
    await expect(authenticate(await sign(key))).rejects.toMatchObject({
      code: 'IssuerUnavailable',
      transient: true,
    });
  });
});

describe('a service-account token at a node agent', () => {
  const pod = (change: object = {}) =>
    claims({ 'kubernetes.io': { pod: { name: 'p', uid: 'u-1' }, node: { name: 'node-1' }, ...change } });
  const at = (nodeName: string) => ({ nodeName });

  it('counts from a pod of this node', async () => {
    expect(await code(await sign(key, pod()), at('node-1'))).toBe(WALLET);
  });
  it.each<[string, object, object]>([
    ['of another node', {}, at('node-2')],
    ['bound to no pod', { pod: undefined }, at('node-1')],
    ['with an empty pod uid', { pod: { uid: '' } }, at('node-1')],
    ['with a pod uid that is no text', { pod: { uid: 1 } }, at('node-1')],
    ['that names no node', { node: undefined }, at('node-1')],
    ['bound to no pod, where any node may ask', { pod: undefined }, { allowAnyNode: true }],
  ])('%s is a 401', async (_, change, config) => {
    expect(await code(await sign(key, pod(change)), config)).toBe(REFUSED);
  });
  it('counts from any node where that is allowed', async () => {
    expect(await code(await sign(key, pod({ node: undefined })), { allowAnyNode: true })).toBe(WALLET);
  });
});

describe('what is taken for a JWT', () => {
  it('is three base64url parts, whatever is in them, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\w-]{0,12}$/), { minLength: 1, maxLength: 5 }), parts => {
        expect(looksLikeJwt(parts.join('.'))).toBe(parts.length === 3);
      }),
    );
  });
  it('no text that isn’t signed by the issuer ever becomes a caller', async () => {
    const part = fc.oneof(fc.base64String(), fc.string(), fc.json());
    await fc.assert(
      fc.asyncProperty(fc.tuple(part, part, part), async parts => {
        const jwt = parts.map(text => Buffer.from(text).toString('base64url')).join('.');
        expect(await code(jwt)).toBe(REFUSED);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a header is checked before the library sees it', () => {
  it.each([
    ['a critical extension', { crit: ['exp'] }],
    ['an empty list of them', { crit: [] }],
    ['more than 4,096 characters', { x5c: ['a'.repeat(4_000)] }],
    ['an algorithm that is none of ours', { alg: 'HS256' }],
    ['no algorithm', { alg: undefined }],
  ])('%s is refused, and no keys are asked for', async (_, change) => {
    const { authenticate, asked } = callers();
    const jwt = compact({ alg: 'ES256', kid: 'k1', ...change }, claims(), 'AA');
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: REFUSED });
    expect(asked).toEqual([]);
  });

  it('a member that occurs twice is refused', async () => {
    const header = Buffer.from('{"alg":"ES256","kid":"k1","kid":"k2"}').toString('base64url');
    const { authenticate, asked } = callers();
    await expect(authenticate(`${header}.${compact({}, claims()).split('.')[1]}.AA`)).rejects.toMatchObject({
      code: REFUSED,
    });
    expect(asked).toEqual([]);
  });
});

import { CompactSign, exportJWK, exportPKCS8, importPKCS8, type JWK, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { walletTrustPolicy } from '../../src/emulator/index.ts';
import { ACCOUNT, foreign, ISSUER, jwks, keys, ROLE, setUp, sign, wellKnown } from './support.ts';

type SetUp = ReturnType<typeof setUp>;
const seconds = (context: SetUp) => Math.floor(context.clock.wall() / 1000);

/** The RSA key of the JWKS, used for another algorithm than the JWKS gives it. */
const rsa512 = await importPKCS8(await exportPKCS8(keys.RS256.privateKey), 'RS512');

describe('a web identity token', () => {
  it('may be signed with ES256 or RS256, with or without a kid where one key fits', async () => {
    const context = setUp();
    const rsa = { alg: 'RS256', kid: 'rsa' };
    expect((await context.assume(await sign(context.claims(), rsa, keys.RS256.privateKey))).status).toBe(200);
    expect((await context.assume(await sign(context.claims(), { kid: undefined }))).status).toBe(200);
  });

  const refused: [string, (context: SetUp) => Promise<string> | string, string, string][] = [
    ['no JWT at all', () => 'not.a.jwt', 'InvalidIdentityToken', 'not a valid JWT'],
    ['a JWT of two parts', () => 'abcd.efgh', 'InvalidIdentityToken', 'not a valid JWT'],
    ['alg none', c => new UnsecuredJWT(c.claims()).encode(), 'InvalidIdentityToken', 'signing algorithm'],
    ['HS256 with the public key', c => hmac(c), 'InvalidIdentityToken', 'signing algorithm'],
    [
      'a key that is not the issuer’s',
      c => sign(c.claims(), {}, foreign.privateKey),
      'InvalidIdentityToken',
      'signature',
    ],
    [
      'a kid that is not in the JWKS',
      c => sign(c.claims(), { kid: 'other' }),
      'InvalidIdentityToken',
      'retrieve verification key',
    ],
    [
      'a kid of a key of another type',
      c => sign(c.claims(), { kid: 'rsa' }),
      'InvalidIdentityToken',
      'retrieve verification key',
    ],
    [
      'an alg that its key is not for',
      c => sign(c.claims(), { alg: 'RS512', kid: 'rsa' }, rsa512),
      'InvalidIdentityToken',
      'retrieve verification key',
    ],
    ['a changed payload', async c => tamper(await sign(c.claims())), 'InvalidIdentityToken', 'signature'],
    [
      'an issuer that is not registered',
      c => sign(c.claims({ iss: 'https://evil.example' })),
      'InvalidIdentityToken',
      'No OpenIDConnect provider found in your account for https://evil.example',
    ],
    [
      'its issuer with a trailing slash',
      c => sign(c.claims({ iss: `${ISSUER}/` })),
      'InvalidIdentityToken',
      'No OpenIDConnect provider',
    ],
    ['another audience', c => sign(c.claims({ aud: 'somebody' })), 'InvalidIdentityToken', 'Incorrect token audience'],
    [
      'the audience in the wrong case',
      c => sign(c.claims({ aud: 'STS.amazonaws.com' })),
      'InvalidIdentityToken',
      'Incorrect token audience',
    ],
    [
      'an azp that is no client id',
      c => sign(c.claims({ azp: 'somebody' })),
      'InvalidIdentityToken',
      'Incorrect token audience',
    ],
    ['no audience', c => sign(c.claims({ aud: undefined })), 'InvalidIdentityToken', 'Missing a required claim: aud'],
    ['no sub', c => sign(c.claims({ sub: undefined })), 'InvalidIdentityToken', 'Missing a required claim: sub'],
    ['no exp', c => sign(c.claims({ exp: undefined })), 'InvalidIdentityToken', 'Missing a required claim: exp'],
    ['no iat', c => sign(c.claims({ iat: undefined })), 'InvalidIdentityToken', 'Missing a required claim: iat'],
    ['the second of its exp', c => sign(c.claims({ exp: seconds(c) })), 'ExpiredTokenException', 'Token expired'],
    ['an iat in the future', c => sign(c.claims({ iat: seconds(c) + 61 })), 'InvalidIdentityToken', 'iat'],
    ['an nbf in the future', c => sign(c.claims({ nbf: seconds(c) + 61 })), 'InvalidIdentityToken', 'nbf'],
  ];
  it.each(refused)('is refused with %s', async (_, token, code, message) => {
    const context = setUp();
    const answer = await context.assume(await token(context));
    expect([answer.status, answer.get('Code')]).toEqual([400, code]);
    expect(answer.xml.replaceAll('&apos;', "'")).toContain(message);
    expect(context.sts.sessions.size).toBe(0);
  });

  it('is good until the very second before its exp', async () => {
    const context = setUp();
    const token = await sign(context.claims());
    await context.clock.advance(299_000);
    expect((await context.assume(token)).status).toBe(200);
    await context.clock.advance(1_000);
    expect((await context.assume(token)).get('Code')).toBe('ExpiredTokenException');
  });

  it('has one of the audiences, or the azp, as what conditions see', async () => {
    const context = setUp();
    const answer = await context.assume(await sign(context.claims({ aud: ['x', 'other-client'] })));
    expect(answer.get('Code')).toBe('AccessDenied');
    const azp = await context.assume(await sign(context.claims({ aud: 'x', azp: 'sts.amazonaws.com' })));
    expect(azp.get('Audience')).toBe('sts.amazonaws.com');
  });
});

describe('an issuer', () => {
  it('is asked at its registered URL alone, whatever the token says', async () => {
    const context = setUp();
    await context.assume(
      await sign(context.claims({ iss: 'https://evil.example' }), { jku: 'https://evil.example/jwks' }),
    );
    expect(context.fetched).toEqual([]);
    await context.assume(await sign(context.claims(), { jku: 'https://evil.example/jwks' }));
    expect(context.fetched).toEqual([`${ISSUER}/.well-known/openid-configuration`, `${ISSUER}/.well-known/jwks.json`]);
  });

  it('is asked again for a key id that is new, and after a minute', async () => {
    const published = [...jwks];
    const context = setUp({
      documents: url => (url.endsWith('jwks.json') ? Response.json({ keys: published }) : wellKnown(url)),
    });
    await context.assume();
    await context.assume();
    expect(context.fetched).toHaveLength(2);
    published.push({ ...(await exportJWK(foreign.publicKey)), kid: 'new' });
    expect((await context.assume(await sign(context.claims(), { kid: 'new' }, foreign.privateKey))).status).toBe(200);
    expect(context.fetched).toHaveLength(4);
    published.length = 0;
    await context.clock.advance(60_000);
    expect((await context.assume()).get('Code')).toBe('InvalidIdentityToken');
  });

  it.each([
    [100, 200],
    [101, 400],
  ])('may have %i keys of each kind: %i', async (count, status) => {
    const filled = jwks.flatMap(jwk => [
      jwk,
      ...Array.from({ length: count - 1 }, (_, i) => ({ ...jwk, kid: `${i}` })),
    ]);
    const context = setUp({
      documents: url => (url.endsWith('jwks.json') ? Response.json({ keys: filled }) : wellKnown(url)),
    });
    const answer = await context.assume();
    expect([answer.status, answer.get('Code')]).toEqual([status, status === 200 ? undefined : 'InvalidIdentityToken']);
  });

  const broken: [string, (url: string) => Response, string][] = [
    ['is missing', () => new Response('', { status: 404 }), 'InvalidIdentityToken'],
    [
      'can’t be reached',
      () => {
        throw new TypeError('fetch failed');
      },
      'InvalidIdentityToken',
    ],
    ['is HTML', () => new Response('<html>'), 'InvalidIdentityToken'],
    [
      'names another issuer',
      url =>
        url.endsWith('jwks.json')
          ? wellKnown(url)
          : Response.json({ issuer: `${ISSUER}/`, jwks_uri: `${ISSUER}/.well-known/jwks.json` }),
      'InvalidIdentityToken',
    ],
    ['has no jwks_uri', () => Response.json({ issuer: ISSUER }), 'InvalidIdentityToken'],
    [
      'has a jwks_uri that is a file',
      () => Response.json({ issuer: ISSUER, jwks_uri: 'file:///etc/passwd' }),
      'InvalidIdentityToken',
    ],
    ['never ends', () => new Response(new Uint8Array(300_000)), 'InvalidIdentityToken'],
    ['is down for a moment', () => new Response('', { status: 503 }), 'IDPCommunicationError'],
  ];
  it.each(broken)('whose discovery %s gets a clear error, and another chance', async (_, documents, code) => {
    let use = documents;
    const context = setUp({ documents: url => use(url) });
    const answer = await context.assume();
    expect([answer.status, answer.get('Code')]).toEqual([400, code]);
    use = wellKnown;
    expect((await context.assume()).status).toBe(200);
  });
});

function tamper(jwt: string): string {
  const [header, payload = '', signature] = jwt.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'somebody-else' };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

async function hmac(context: SetUp): Promise<string> {
  const { SignJWT } = await import('jose');
  const secret = new TextEncoder().encode(JSON.stringify(jwks[0]));
  return new SignJWT(context.claims()).setProtectedHeader({ alg: 'HS256', kid: 'ec' }).sign(secret);
}

it('an issuer that ends in "/" is registered and compared as it is, and its documents are under it', async () => {
  const slash = `${ISSUER}/`;
  const fetched: string[] = [];
  const { assume, claims } = setUp({
    issuers: [{ issuer: slash, audiences: ['sts.amazonaws.com'] }],
    roles: [{ arn: ROLE, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: slash }) }],
    documents: url => {
      fetched.push(url);
      return url.endsWith('jwks.json')
        ? wellKnown(url)
        : Response.json({ issuer: slash, jwks_uri: `${ISSUER}/.well-known/jwks.json` });
    },
  });
  expect((await assume(await sign(claims({ iss: slash })))).status).toBe(200);
  expect(fetched[0]).toBe(`${ISSUER}/.well-known/openid-configuration`);
  expect((await assume(await sign(claims({ iss: ISSUER })))).get('Code')).toBe('InvalidIdentityToken');
});

describe('a token that is nearly one', () => {
  /** A token over any bytes as claims, signed with the issuer's key. */
  const signed = async (payload: string): Promise<string> =>
    new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'ES256', kid: 'ec' }).sign(keys.ES256.privateKey);

  it.each<[string, (context: SetUp) => Promise<string>]>([
    ['a padded signature', async c => `${await sign(c.claims())}==`],
    ['a newline behind it', async c => `${await sign(c.claims())}\n`],
    ['a byte order mark before its claims', c => signed(`\uFEFF${JSON.stringify(c.claims())}`)],
  ])('is refused with %s', async (_, token) => {
    const context = setUp();
    const answer = await context.assume(await token(context));
    expect([answer.status, answer.get('Code')]).toEqual([400, 'InvalidIdentityToken']);
    expect((await context.assume(await signed(JSON.stringify(context.claims())))).status).toBe(200);
  });
});

describe("the issuer's keys", () => {
  const published = (list: JWK[]) =>
    setUp({ documents: url => (url.endsWith('jwks.json') ? Response.json({ keys: list }) : wellKnown(url)) });
  const [own] = jwks;

  it('one that is for encryption by its key_ops is not used', async () => {
    expect((await published([{ ...own, key_ops: ['encrypt'] } as JWK]).assume()).get('Code')).toBe(
      'InvalidIdentityToken',
    );
    expect((await published([{ ...own, key_ops: ['verify'] } as JWK]).assume()).status).toBe(200);
  });

  it('two of one kid are both tried', async () => {
    const other = { ...(await exportJWK(foreign.publicKey)), kid: 'ec', alg: 'ES256' };
    expect((await published([other, own as JWK]).assume()).status).toBe(200);
    expect((await published([other]).assume()).get('Code')).toBe('InvalidIdentityToken');
  });
});

it('an issuer that closes the connection is IDPCommunicationError, which SDKs try again', async () => {
  const context = setUp({
    documents: () => {
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } });
    },
  });
  expect((await context.assume()).get('Code')).toBe('IDPCommunicationError');
});

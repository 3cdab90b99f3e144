/**
 * An issuer without a listener, and an emulator that trusts it.
 *
 * @module
 */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createStsEmulator, type StsEmulatorOptions, walletTrustPolicy } from '../../src/emulator/index.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';

export const ISSUER = 'https://issuer.example/walletcreds';
export const ACCOUNT = '123456789012';
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/team/data-role`;
export const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
export const TAGS = 'https://aws.amazon.com/tags';
export const WALLET_TAG = 'agentkeys_user_wallet';

const ec = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });
export const foreign = await generateKeyPair('ES256', { extractable: true });
export const keys = { ES256: ec, RS256: rsa };
export const jwks: JWK[] = [
  { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
  { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' },
];

export function walletClaims(now: number): Record<string, unknown> {
  const iat = Math.floor(now / 1000);
  return {
    iss: ISSUER,
    sub: `agentkeys:agent:${WALLET}`,
    aud: 'sts.amazonaws.com',
    iat,
    exp: iat + 300,
    jti: 'one',
    [WALLET_TAG]: WALLET,
    [TAGS]: { principal_tags: { [WALLET_TAG]: [WALLET] }, transitive_tag_keys: [WALLET_TAG] },
  };
}

export function sign(claims: Record<string, unknown>, header: Record<string, unknown> = {}, key = ec.privateKey) {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'ec', ...header }).sign(key);
}

export function setUp(options: Partial<StsEmulatorOptions> & { documents?: (url: string) => Response } = {}) {
  const clock: FakeClock = fakeClock();
  const fetched: string[] = [];
  const { documents = wellKnown, ...rest } = options;
  const sts = createStsEmulator({
    clock,
    accountId: ACCOUNT,
    issuers: [{ issuer: ISSUER, audiences: ['sts.amazonaws.com', 'other-client'] }],
    roles: [
      { arn: ROLE, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER }), tags: { Stage: 'test' } },
    ],
    fetchIssuer: async url => {
      fetched.push(url);
      return documents(url);
    },
    ...rest,
  });
  const post = async (params: Record<string, string>, headers: Record<string, string> = {}) =>
    readAnswer(
      await sts.app.request('http://sts.local/', { method: 'POST', body: new URLSearchParams(params), headers }),
    );
  return {
    clock,
    fetched,
    sts,
    post,
    claims: (change: Record<string, unknown> = {}) => ({ ...walletClaims(clock.wall()), ...change }),
    /** Exchanges a token, the good one by default. */
    async assume(token?: string, params: Record<string, string | undefined> = {}) {
      const all = {
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: ROLE,
        RoleSessionName: `${WALLET}@scraper-a`,
        WebIdentityToken: token ?? (await sign(walletClaims(clock.wall()))),
        ...params,
      };
      const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
      return post(Object.fromEntries(given));
    },
  };
}

export function wellKnown(url: string): Response {
  if (url.endsWith('/.well-known/openid-configuration')) {
    return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/.well-known/jwks.json` });
  }
  return Response.json({ keys: jwks });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly xml: string;
  /** The first element of that name, as it is in the XML. */
  get(element: string): string | undefined;
}

export async function readAnswer(response: Response): Promise<Answer> {
  const xml = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    xml,
    get: element => new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1],
  };
}

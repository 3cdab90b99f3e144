/**
 * A token as `serve` signs it, bent by a test, and the exchange of it at STS.
 *
 * @module
 */
import { generateKeyPair, SignJWT } from 'jose';
import { loadKeys } from '../../src/identity-token/keys/index.ts';
import { type OutboundResponse, request } from '../../src/lib/http-client.ts';

export interface Bend {
  tags?: unknown;
  audience?: string;
  issuer?: string;
  ttl?: number;
  foreignKey?: boolean;
}

/** What the exchange is for, when nothing is bent. */
export interface Exchange {
  readonly stsUrl: string;
  readonly issuer: string;
  readonly keysDir: string;
  /** Its name, in an account without an id. */
  readonly role: string;
  readonly walletTag: string;
  readonly wallet: string;
}

export async function exchange(good: Exchange, bend: Bend): Promise<OutboundResponse> {
  const { tags = { principal_tags: { [good.walletTag]: [good.wallet] }, transitive_tag_keys: [good.walletTag] } } =
    bend;
  const own = (await loadKeys(good.keysDir, 'oidc')).activeKey(Date.now());
  const key = bend.foreignKey === true ? (await generateKeyPair('ES256')).privateKey : own.privateKey;
  const now = Math.floor(Date.now() / 1000);
  const jwt = await new SignJWT({
    iss: bend.issuer ?? good.issuer,
    sub: `agentkeys:agent:${good.wallet}`,
    aud: bend.audience ?? 'sts.amazonaws.com',
    iat: now - 600,
    exp: now + (bend.ttl ?? 300),
    ...(tags === null ? {} : { 'https://aws.amazon.com/tags': tags }),
  })
    .setProtectedHeader({ alg: 'ES256', kid: own.kid, typ: 'JWT' })
    .sign(key);
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam:::role/${good.role}`,
    RoleSessionName: 'test',
    WebIdentityToken: jwt,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/xml' };
  return request({ url: `${good.stsUrl}/`, method: 'POST', headers, body: body.toString() });
}

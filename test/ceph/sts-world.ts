/**
 * The account that the table is asked in, alike for the emulator and for Ceph: an issuer with two keys, and a role for
 * each kind of trust policy.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { exportJWK, exportPKCS8, generateKeyPair, type JWK, SignJWT } from 'jose';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import type { Ask } from './sts-table.ts';

export const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
export const TAG = 'agentkeys_user_wallet';
export const TAGS = 'https://aws.amazon.com/tags';
const AUDIENCES = ['sts.amazonaws.com', 'other-client'];

export interface World {
  /** `''` for Ceph, which has none in its ARNs. */
  readonly accountId: string;
  /** Its URL, without a trailing slash. */
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** The issuer's documents, by path. */
  readonly documents: Readonly<Record<string, unknown>>;
  readonly roles: Readonly<Record<RoleName, Readonly<Record<string, unknown>>>>;
  /** Seconds; the same for every role. */
  readonly maxSessionDuration: number;
  sign(ask: Ask): Promise<string>;
  /** The same issuer and keys, seen from another account. */
  inAccount(accountId: string): World;
}

const tag = `aws:RequestTag/${TAG}`;

function trustPolicies(accountId: string, issuer: string) {
  const host = issuer.replace(/^https?:\/\//, '');
  const both = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'];
  const statement = (Condition: object | undefined, more: object = {}) => ({
    Effect: 'Allow',
    Principal: { Federated: [`arn:aws:iam::${accountId}:oidc-provider/${host}`] },
    Action: both,
    ...(Condition !== undefined && { Condition }),
    ...more,
  });
  const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
  const aud = { [`${host}:aud`]: 'sts.amazonaws.com' };
  const stranger = { Principal: { Federated: [`arn:aws:iam::${accountId}:oidc-provider/stranger.example`] } };
  return {
    plain: policy(statement({ StringEquals: aud })),
    'for another audience': policy(statement({ StringEquals: { [`${host}:aud`]: 'other-client' } })),
    'for another provider': policy(statement(undefined, stranger)),
    'without sts:TagSession': policy(statement({ StringEquals: aud }, { Action: both.slice(0, 1) })),
    'with sts:AssumeRole alone': policy(statement({ StringEquals: aud }, { Action: ['sts:AssumeRole'] })),
    'wanting a wallet tag': policy(statement({ StringEquals: aud, StringLike: { [tag]: '0x*' } })),
    'with Null false': policy(statement({ StringEquals: aud, Null: { [tag]: 'false' } })),
    'with StringNotEquals empty': policy(statement({ StringEquals: aud, StringNotEquals: { [tag]: '' } })),
    'listing the tag keys': policy(
      statement({ StringEquals: aud, 'ForAllValues:StringEquals': { 'aws:TagKeys': [TAG] } }),
    ),
    'wanting a subject': policy(statement({ StringEquals: { [`${host}:sub`]: `agentkeys:agent:${WALLET}` } })),
    'binding the subject to the tag': policy(
      statement({ StringEquals: { [`${host}:sub`]: `agentkeys:agent:\${${tag}}` } }),
    ),
    'wanting a session name': policy(statement({ StringLike: { 'sts:RoleSessionName': '0x*' } })),
    'with a Deny for the wallet': policy(
      statement({ StringEquals: aud }),
      statement({ StringEquals: { [tag]: WALLET } }, { Effect: 'Deny' }),
    ),
  };
}

export type RoleName = keyof ReturnType<typeof trustPolicies>;

/** What a good token says. @param now unix seconds */
export function goodClaims(now: number): Record<string, unknown> {
  return {
    sub: `agentkeys:agent:${WALLET}`,
    aud: 'sts.amazonaws.com',
    iat: now - 10,
    exp: now + 300,
    [TAGS]: { principal_tags: { [TAG]: [WALLET] }, transitive_tag_keys: [TAG] },
  };
}

export async function createWorld(accountId: string, issuer: string): Promise<World> {
  const make = async (kid: string) => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const pem = selfSignedCertificate(createPrivateKey(await exportPKCS8(pair.privateKey)), kid, Date.now());
    const x5c = [new X509Certificate(pem).raw.toString('base64')];
    const jwk: JWK = { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig', x5c };
    return { jwk, privateKey: pair.privateKey, kid, pem };
  };
  const [first, second, foreign] = [await make('first'), await make('second'), await make('first')];
  const keys = { first, second, foreign };
  const world = (accountId: string): World => ({
    accountId,
    issuer,
    audiences: AUDIENCES,
    documents: {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/.well-known/jwks.json` },
      '/.well-known/jwks.json': { keys: [first.jwk, second.jwk] },
    },
    roles: trustPolicies(accountId, issuer),
    maxSessionDuration: 7200,
    async sign({ claims, issuer: iss = registered => registered, header, key = 'first', token = good => good }) {
      const now = Math.floor(Date.now() / 1000);
      const { kid, privateKey } = keys[key];
      const secret = header?.['alg'] === 'HS256' ? new TextEncoder().encode(first.pem) : privateKey;
      const all = { iss: iss(issuer), ...goodClaims(now), ...claims?.(now) };
      const good = new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT', ...header });
      return token(await good.sign(secret));
    },
    inAccount: world,
  });
  return world(accountId);
}

/** A role's name, made of what the table calls it. */
export const roleName = (name: RoleName): string => `table-${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}`;

/** The request as it goes over the wire. */
export async function requestOf(world: World, ask: Ask) {
  const params: Record<string, string | undefined> = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam::${world.accountId}:role/${roleName(ask.role ?? 'plain')}`,
    RoleSessionName: `${WALLET}@table`,
    WebIdentityToken: await world.sign(ask),
    ...ask.params,
  };
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const good = new URLSearchParams(given).toString();
  const form = ask.form === undefined ? good : ask.form(good);
  const { method = 'POST', contentType = 'application/x-www-form-urlencoded' } = ask;
  // Ceph answers in JSON to who takes JSON.
  const headers = {
    accept: 'application/xml',
    ...(method === 'POST' && contentType !== null && { 'content-type': contentType }),
  };
  return method === 'GET' ? { method, path: `/?${form}`, headers } : { method, path: '/', headers, body: form };
}

/** Status and `Code` of an answer, as a row has them. */
export function answerOf(status: number, xml: string): { status: number; code?: string } {
  if (status === 200 && !xml.includes('<AccessKeyId>')) return { status, code: 'no credentials' };
  const code = status === 200 ? undefined : /<Code>([^<]*)<\/Code>/.exec(xml)?.[1];
  return code === undefined ? { status } : { status, code };
}

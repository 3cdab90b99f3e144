/**
 * What AssumeRoleWithWebIdentity is asked, and its answer as XML.
 *
 * @module
 */
import { decodeJwt } from 'jose';

export interface Issued {
  /** Of the JWT's wallet claim. */
  readonly wallet: string;
  readonly subject: string;
  readonly role: string;
  readonly session: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Unix ms. */
  readonly expiration: number;
}

/** The fields of a request's body. */
export function elementsOf(body: string): Pick<Issued, 'wallet' | 'subject' | 'role' | 'session'> {
  const form = new URLSearchParams(body);
  const claims = decodeJwt(form.get('WebIdentityToken') ?? '');
  return {
    wallet: String(claims['agentkeys_user_wallet']),
    subject: claims.sub ?? '',
    role: form.get('RoleArn') ?? '',
    session: form.get('RoleSessionName') ?? '',
  };
}

export function xmlOf({ subject, role, session, accessKeyId, secretAccessKey, expiration }: Issued): string {
  const [, , , , account, resource = ''] = role.split(':');
  const arn = `arn:aws:sts::${account}:assumed-role/${resource.split('/').at(-1)}/${session}`;
  const until = `${new Date(expiration).toISOString().slice(0, 19)}Z`;
  return [
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    '<AssumeRoleWithWebIdentityResult>',
    `<SubjectFromWebIdentityToken>${subject}</SubjectFromWebIdentityToken><Audience>sts.amazonaws.com</Audience>`,
    `<AssumedRoleUser><Arn>${arn}</Arn><AssumedRoleId>AROAEXAMPLE:${session}</AssumedRoleId></AssumedRoleUser>`,
    `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>`,
    `<SessionToken>token-of-${accessKeyId}</SessionToken><Expiration>${until}</Expiration></Credentials>`,
    '</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>chaos</RequestId></ResponseMetadata>',
    '</AssumeRoleWithWebIdentityResponse>',
  ].join('');
}

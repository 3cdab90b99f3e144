/**
 * AssumeRoleWithWebIdentity: parameters, token, trust policy, duration, then a session.
 *
 * @module
 */

import { type WebIdentityRequest, webIdentityContext } from '../aws/iam/web-identity.ts';
import { isoSeconds } from '../lib/time/iso.ts';
import { accessDenied, invalidIdentityToken, StsError } from './errors.ts';
import type { Provider } from './issuers.ts';
import { type AssumeRoleParameters, readAssumeRole } from './parameters.ts';
import type { WireRequest } from './query.ts';
import type { Role } from './roles.ts';
import { packedPolicySize } from './session-policy.ts';
import type { EmulatedSession, SessionStore } from './sessions.ts';
import { principalTags, type SessionTags, sessionTags } from './tags.ts';
import { verifyToken, type WebIdentity } from './token.ts';
import { allows, isProvider } from './trust.ts';
import type { Elements } from './xml.ts';

/** The account, as the actions see it. */
export interface Account {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly store: SessionStore;
  /** ms since the epoch. */
  now(): number;
}

const SOURCE_IDENTITY = 'https://aws.amazon.com/source_identity';

/** @throws StsError */
export async function assumeRoleWithWebIdentity(request: WireRequest, account: Account): Promise<Elements> {
  const parameters = readAssumeRole(request.params);
  const { roleArn, sessionName } = parameters;
  const identity = await verifyToken(parameters.webIdentityToken, account.providers, account.now() / 1000);
  const { tags, transitiveTagKeys } = sessionTags(identity.claims);
  const sourceIdentity = sourceIdentityOf(identity.claims);
  const role = account.roles.get(roleArn);
  const { provider } = identity;
  const context = webIdentityContext({
    host: provider.prefix,
    providerArn: provider.arn,
    audience: identity.audience,
    subject: identity.subject,
    tags,
    transitiveTagKeys,
    sessionName,
    more: {
      ...claimKeys(identity),
      'sts:SourceIdentity': sourceIdentity,
      'sts:DurationSeconds': String(parameters.durationSeconds),
      'aws:SourceIp': request.sourceIp,
      'aws:UserAgent': request.headers['user-agent'],
      'aws:CurrentTime': new Date(account.now()).toISOString(),
      'aws:EpochTime': String(Math.floor(account.now() / 1000)),
    },
  });
  const needed = ['sts:AssumeRoleWithWebIdentity'];
  if (Object.keys(tags).length > 0) needed.push('sts:TagSession');
  if (sourceIdentity !== undefined) needed.push('sts:SetSourceIdentity');
  for (const action of needed) {
    // A role that isn't there and one that doesn't trust the caller are the same answer.
    if (role === undefined || !allows(role.trust, action, { principal: isProvider(provider.arn), context })) {
      throw accessDenied(`Not authorized to perform ${action}`);
    }
  }
  if (role === undefined) throw accessDenied('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  const result = issueSession(account, role, parameters, {
    tags,
    transitiveTagKeys,
    subject: identity.subject,
    issuer: provider.issuer,
    audience: identity.audience,
    sourceIdentity,
  });
  return {
    Credentials: result['Credentials'],
    SubjectFromWebIdentityToken: identity.subject,
    AssumedRoleUser: result['AssumedRoleUser'],
    PackedPolicySize: result['PackedPolicySize'],
    // The API reference says `iss`; what people have printed of it is the provider's ARN.
    Provider: provider.arn,
    Audience: identity.audience,
    SourceIdentity: sourceIdentity,
  };
}

/** What stands behind a new session beside its role. */
type Origin = SessionTags & Pick<EmulatedSession, 'subject' | 'issuer' | 'audience' | 'sourceIdentity'>;

/** Credentials for a session that the trust policy let in, as every AssumeRole answers them. @throws StsError */
export function issueSession(
  account: Account,
  role: Role,
  parameters: AssumeRoleParameters,
  { tags, transitiveTagKeys, subject, issuer, audience, sourceIdentity }: Origin,
): Elements {
  const { roleArn, sessionName, durationSeconds } = parameters;
  if (durationSeconds > role.maxSessionDuration) {
    throw new StsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  const packed = packedPolicySize(parameters.policy, parameters.policyArns, tags);
  const issuedAt = Math.floor(account.now() / 1000) * 1000;
  const { session, secrets } = account.store.issue({
    roleArn,
    sessionName,
    assumedRoleArn: `arn:${role.partition}:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`,
    assumedRoleId: `${role.id}:${sessionName}`,
    accountId: role.accountId,
    principalTags: principalTags(role.tags, tags),
    transitiveTagKeys,
    subject,
    issuer,
    audience,
    sourceIdentity,
    policy: parameters.policy,
    issuedAt,
    expiresAt: issuedAt + durationSeconds * 1000,
  });
  return {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: secrets.secretAccessKey,
      SessionToken: secrets.sessionToken,
      Expiration: isoSeconds(session.expiresAt),
    },
    AssumedRoleUser: { AssumedRoleId: session.assumedRoleId, Arn: session.assumedRoleArn },
    PackedPolicySize: packed === 0 ? undefined : packed,
    SourceIdentity: sourceIdentity,
  };
}

/** What conditions see of the token beside `aud` and `sub`. */
function claimKeys({ provider, tokenAudiences, claims }: WebIdentity): NonNullable<WebIdentityRequest['more']> {
  const { amr, email } = claims;
  const methods = (Array.isArray(amr) ? amr : [amr]).filter(value => typeof value === 'string');
  return {
    [`${provider.prefix}:oaud`]: tokenAudiences,
    [`${provider.prefix}:amr`]: methods,
    [`${provider.prefix}:email`]: typeof email === 'string' ? email : undefined,
  };
}

function sourceIdentityOf(claims: Readonly<Record<string, unknown>>): string | undefined {
  const value = claims[SOURCE_IDENTITY];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^[\w+=,.@-]{2,64}$/.test(value)) return value;
  throw invalidIdentityToken(`The claim ${SOURCE_IDENTITY} must be 2 to 64 characters of [\\w+=,.@-]`);
}

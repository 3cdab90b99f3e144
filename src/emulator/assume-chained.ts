/**
 * AssumeRole by a session of this account whom the role's trust policy names: role chaining, with the caller's transitive
 * tags. Everybody else is refused; the account has no users.
 *
 * @module
 */
import type { Concern, Context } from '../aws/iam/evaluate.ts';
import { type Account, issueSession } from './assume-role.ts';
import { accessDenied, StsError } from './errors.ts';
import { readAssumeRole } from './parameters.ts';
import type { WireRequest } from './query.ts';
import type { EmulatedSession } from './sessions.ts';
import { verifySignature } from './sigv4.ts';
import { isSigned, presentedSignature } from './sigv4-parse.ts';
import { requestTags, type SessionTags } from './tags.ts';
import { allows } from './trust.ts';
import type { Elements } from './xml.ts';

/** Seconds; STS's limit for a role that a role assumes. */
const MAX_CHAINED_DURATION = 3_600;

/** @throws StsError */
export async function assumeRole(request: WireRequest, account: Account): Promise<Elements> {
  const refused = (who: string) => {
    const resource = (request.params.get('RoleArn') ?? '').slice(0, 200);
    return accessDenied(`User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${resource}`);
  };
  if (!isSigned(request)) throw refused('anonymous');
  if (!account.store.sessions.has(presentedSignature(request).accessKeyId)) throw refused('unknown to this account');
  const caller = await verifySignature(request, account.store, account.now());
  const role = account.roles.get(request.params.get('RoleArn') ?? '');
  // Who is not named hears nothing of what else is wrong with the request.
  if (role === undefined || !role.trust.some(s => s.principals?.some(p => concernOf(caller, p.kind, p.value))))
    throw refused(caller.assumedRoleArn);
  const parameters = readAssumeRole(request.params, { token: false });
  const tags = withInherited(caller, requestTags(request.params));
  const context = contextOf(request, caller, tags, parameters.sessionName, account.now());
  const principal = (kind: string, value: string) => concernOf(caller, kind, value);
  const actions = ['sts:AssumeRole', ...(Object.keys(tags.tags).length > 0 ? ['sts:TagSession'] : [])];
  if (!actions.every(action => allows(role.trust, action, { principal, context })))
    throw refused(caller.assumedRoleArn);
  if (parameters.durationSeconds > MAX_CHAINED_DURATION)
    throw new StsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  return issueSession(account, role, parameters, { ...caller, ...tags });
}

/** An account in a trust policy leaves the decision to policies of the caller's own, which nobody has here. */
function concernOf(caller: EmulatedSession, kind: string, value: string): Concern {
  if (kind === '*' || (kind === 'AWS' && (value === '*' || value === caller.roleArn))) return 'role';
  if (kind !== 'AWS') return undefined;
  if (value === caller.assumedRoleArn) return 'session';
  const root = `${caller.roleArn.slice(0, caller.roleArn.indexOf(':role/'))}:root`;
  return value === caller.accountId || value === root ? 'account' : undefined;
}

/** Transitive tags go along, and can't be set again. */
function withInherited(caller: EmulatedSession, given: SessionTags): SessionTags {
  const inherited = caller.transitiveTagKeys.flatMap(key =>
    Object.entries(caller.principalTags).filter(([name]) => name.toLowerCase() === key.toLowerCase()),
  );
  const taken = new Set(inherited.map(([key]) => key.toLowerCase()));
  if (Object.keys(given.tags).some(key => taken.has(key.toLowerCase())))
    throw new StsError(
      'InvalidParameterValue',
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    );
  return {
    tags: { ...given.tags, ...Object.fromEntries(inherited) },
    transitiveTagKeys: [...inherited.map(([key]) => key), ...given.transitiveTagKeys],
  };
}

function contextOf(
  { params, headers, sourceIp }: WireRequest,
  caller: EmulatedSession,
  { tags, transitiveTagKeys }: SessionTags,
  sessionName: string,
  now: number,
): Context {
  const own = Object.entries(caller.principalTags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value]);
  const asked = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]);
  const single = Object.fromEntries([
    ...own,
    ...asked,
    ['aws:PrincipalArn', caller.roleArn],
    ['aws:PrincipalAccount', caller.accountId],
    ['aws:PrincipalType', 'AssumedRole'],
    ['aws:userid', caller.assumedRoleId],
    ['aws:SecureTransport', 'true'],
    ['aws:CurrentTime', new Date(now).toISOString()],
    ['aws:SourceIp', sourceIp],
    ['aws:UserAgent', headers['user-agent']],
    ['sts:RoleSessionName', sessionName],
    ['sts:ExternalId', params.get('ExternalId')],
  ]) as Record<string, string | undefined>;
  const many = { 'aws:TagKeys': Object.keys(tags), 'sts:TransitiveTagKeys': transitiveTagKeys };
  return new Map([
    ...Object.entries(single).flatMap(([key, value]) =>
      value === undefined ? [] : [[key.toLowerCase(), [value]] as [string, readonly string[]]],
    ),
    ...Object.entries(many).map(([key, values]): [string, readonly string[]] => [key.toLowerCase(), values]),
  ]);
}

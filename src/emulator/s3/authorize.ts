/**
 * Whether a session may do something: the role's policies, the session's own, and the bucket's, by the one IAM engine.
 *
 * A statement that the engine can't evaluate never allows, and the refusal says so.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 *
 * @module
 */
import { authorize, type Policies } from '../../aws/iam/authorize.ts';
import type { Concern, Context } from '../../aws/iam/evaluate.ts';
import { parsePolicy, refusals } from '../../aws/iam/parse.ts';
import type { PolicyKind, Statement } from '../../aws/iam/policy.ts';
import type { EmulatedSession } from '../sessions.ts';
import { S3Error } from './errors.ts';
import type { Permission } from './operation.ts';
import type { S3Request } from './request.ts';

export interface Account {
  readonly accountId: string;
  readonly partition: string;
  readonly region: string;
  /** By role ARN. */
  readonly rolePolicies: ReadonlyMap<string, readonly Statement[]>;
  /** By bucket. */
  readonly bucketPolicies: ReadonlyMap<string, readonly Statement[]>;
}

/** @throws TypeError that names what is wrong with a policy that shall be enforced */
export function enforceable(document: unknown, kind: PolicyKind, name: string): readonly Statement[] {
  const policy = parsePolicy(document, kind, name);
  const [refused] = refusals(policy);
  if (refused !== undefined)
    throw new TypeError(`${refused.where}: ${refused.key ?? ''} ${refused.what}`.replace(':  ', ': '));
  return policy.statements;
}

/** @throws S3Error `AccessDenied` */
export function requirePermission(
  account: Account,
  session: EmulatedSession | undefined,
  request: S3Request,
  permission: Permission,
  now: number,
): void {
  const { decision, by } = decisionOf(account, session, request, permission, now);
  if (decision === 'allowed') return;
  if (session === undefined) throw new S3Error('AccessDenied', 'Access Denied');
  const resource = arnOf(account, permission, request.bucket);
  const because = {
    denied: `with an explicit deny in ${by[0]?.where ?? 'a policy'}`,
    none: `because no policy allows the ${permission.action} action`,
    unknown: `because the emulator can't evaluate ${by[0]?.where ?? 'a policy'}`,
  }[decision];
  throw new S3Error(
    'AccessDenied',
    `User: ${session.assumedRoleArn} is not authorized to perform: ${permission.action} on resource: "${resource}" ${because}`,
  );
}

export function isAllowed(...given: Parameters<typeof decisionOf>): boolean {
  return decisionOf(...given).decision === 'allowed';
}

function decisionOf(
  account: Account,
  session: EmulatedSession | undefined,
  request: S3Request,
  permission: Permission,
  now: number,
) {
  const bucket = permission.bucket ?? request.bucket ?? '';
  const policies: Policies = {
    identity: session === undefined ? [] : (account.rolePolicies.get(session.roleArn) ?? []),
    narrowing: session?.policy === undefined ? [] : [enforceable(session.policy, 'session', 'the session policy')],
    resource: account.bucketPolicies.get(bucket) ?? [],
  };
  return authorize(policies, {
    action: permission.action,
    resource: arnOf(account, permission, request.bucket),
    principal: (kind, value) => concernOf(account, session, kind, value),
    context: contextOf(account, session, request, now),
  });
}

function arnOf({ partition }: Account, { bucket, key }: Permission, requested: string | undefined): string {
  const name = bucket ?? requested;
  if (name === undefined) return '*';
  return `arn:${partition}:s3:::${name}${key === undefined ? '' : `/${key}`}`;
}

function concernOf(account: Account, session: EmulatedSession | undefined, kind: string, value: string): Concern {
  // Everybody, the anonymous included. A session's narrowing policies count all the same.
  if (value === '*' && (kind === '*' || kind === 'AWS')) return session === undefined ? 'session' : 'role';
  if (session === undefined || kind !== 'AWS') return undefined;
  if (value === session.assumedRoleArn) return 'session';
  if (value === session.roleArn) return 'role';
  const root = `arn:${account.partition}:iam::${account.accountId}:root`;
  return value === root || value === account.accountId ? 'account' : undefined;
}

/** The keys that a request to S3 really has. STS and S3 are reached over TLS at AWS, so the transport counts as secure. */
function contextOf(account: Account, session: EmulatedSession | undefined, request: S3Request, now: number): Context {
  const { query, headers } = request;
  const values: [string, string | undefined][] = [
    ['aws:CurrentTime', new Date(now).toISOString()],
    ['aws:EpochTime', String(Math.floor(now / 1000))],
    ['aws:SecureTransport', 'true'],
    ['aws:SourceIp', request.sourceIp],
    ['aws:UserAgent', headers['user-agent']],
    ['aws:Referer', headers['referer']],
    ['aws:RequestedRegion', account.region],
    ['aws:ResourceAccount', account.accountId],
    ['s3:ResourceAccount', account.accountId],
    ['s3:authType', query.has('X-Amz-Signature') ? 'REST-QUERY-STRING' : 'REST-HEADER'],
    ['s3:signatureversion', 'AWS4-HMAC-SHA256'],
    ['s3:prefix', query.get('prefix')],
    ['s3:delimiter', query.get('delimiter')],
    ['s3:max-keys', query.get('max-keys')],
    ['s3:x-amz-acl', headers['x-amz-acl']],
    ['s3:x-amz-copy-source', headers['x-amz-copy-source']],
    ['s3:x-amz-content-sha256', headers['x-amz-content-sha256']],
    ['s3:x-amz-server-side-encryption', headers['x-amz-server-side-encryption']],
    ['s3:x-amz-storage-class', headers['x-amz-storage-class']],
  ];
  if (session !== undefined) {
    values.push(
      ['aws:PrincipalArn', session.roleArn],
      ['aws:PrincipalAccount', session.accountId],
      ['aws:PrincipalType', 'AssumedRole'],
      ['aws:userid', session.assumedRoleId],
      ['aws:FederatedProvider', session.issuer],
      ['aws:TokenIssueTime', new Date(session.issuedAt).toISOString()],
      ...Object.entries(session.principalTags).map(([key, tag]): [string, string] => [`aws:PrincipalTag/${key}`, tag]),
    );
  }
  return new Map(
    values.flatMap(([key, value]) => (value === undefined ? [] : [[key.toLowerCase(), [value]] as const])),
  );
}

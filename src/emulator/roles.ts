/**
 * The roles of the emulated account.
 *
 * @module
 */
import { InvalidValue } from '../lib/invalid-value.ts';
import { parseRoleArn, type RoleArn } from '../workload/role-arn.ts';
import { awsId } from './sessions.ts';
import { type PolicyDocument, parseTrustPolicy, type TrustPolicy } from './trust.ts';

/** A role as a test or `dev` describes it. */
export interface EmulatedRole {
  /** `walletcreds-dev`, a path allowed in front (`team/reader`); or give `arn`. */
  readonly name?: string;
  /** `arn:aws:iam::<account>:role/<path and name>` */
  readonly arn?: string;
  /** The trust policy, as JSON text or as an object. */
  readonly trustPolicy: PolicyDocument;
  /** Seconds, 3,600 to 43,200; default 3,600, as at IAM. */
  readonly maxSessionDuration?: number;
  /** The role's own tags: they count as principal tags, under the session's. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Role {
  readonly arn: string;
  readonly accountId: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, …: its sessions' ARNs have the same. */
  readonly partition: string;
  /** Without path: what `assumed-role/` ARNs have. */
  readonly name: string;
  /** `AROA…` */
  readonly id: string;
  readonly trust: TrustPolicy;
  readonly maxSessionDuration: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** A role of an AWS account, so one with an account in its ARN; undefined for any other text. */
export function awsRole(arn: string): RoleArn | undefined {
  try {
    const role = parseRoleArn(arn);
    return role.account === '' ? undefined : role;
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

/** @throws TypeError that names the role and the fix */
export function createRole(role: EmulatedRole, accountId: string, partition = 'aws'): Role {
  const arn = role.arn ?? `arn:${partition}:iam::${accountId}:role/${role.name ?? ''}`;
  const parsed = awsRole(arn);
  if (parsed === undefined) {
    throw new TypeError(
      `roles: give each a name ("reader") or an ARN (arn:${partition}:iam::${accountId}:role/reader), not ${arn}`,
    );
  }
  const { name } = parsed;
  if (parsed.account !== accountId) {
    throw new TypeError(`roles: ${arn} is not in the account ${accountId}; an emulator has one account`);
  }
  const maxSessionDuration = role.maxSessionDuration ?? 3600;
  if (!Number.isInteger(maxSessionDuration) || maxSessionDuration < 3600 || maxSessionDuration > 43_200) {
    throw new TypeError(`roles: ${name}: maxSessionDuration is 3600 to 43200 seconds, not ${maxSessionDuration}`);
  }
  return {
    arn,
    accountId,
    partition: parsed.partition,
    name,
    id: awsId('AROA', 17),
    trust: parseTrustPolicy(role.trustPolicy, `roles: ${name}: trustPolicy`),
    maxSessionDuration,
    tags: { ...role.tags },
  };
}

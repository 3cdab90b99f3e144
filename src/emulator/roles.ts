/**
 * The roles of the emulated account.
 *
 * @module
 */
import { type PolicyDocument, parseTrustPolicy, type TrustPolicy } from './policy.ts';
import { awsId } from './sessions.ts';

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

const ARN = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/([\w+=,.@/-]+)$/;

/** The account in a role's ARN, if it is one. */
export function accountOf(arn: string | undefined): string | undefined {
  return ARN.exec(arn ?? '')?.[2];
}

/** The partition in a role's ARN, if it is one. */
export function partitionOf(arn: string | undefined): string | undefined {
  return ARN.exec(arn ?? '')?.[1];
}

/** @throws TypeError that names the role and the mend */
export function createRole(role: EmulatedRole, accountId: string, partition = 'aws'): Role {
  const arn = role.arn ?? `arn:${partition}:iam::${accountId}:role/${role.name ?? ''}`;
  const path = ARN.exec(arn)?.[3];
  const name = path?.split('/').at(-1);
  if (name === undefined || name === '') {
    throw new TypeError(
      `roles: give each a name ("reader") or an ARN (arn:${partition}:iam::${accountId}:role/reader), not ${arn}`,
    );
  }
  if (accountOf(arn) !== accountId) {
    throw new TypeError(`roles: ${arn} is not in the account ${accountId}; an emulator has one account`);
  }
  const maxSessionDuration = role.maxSessionDuration ?? 3600;
  if (!Number.isInteger(maxSessionDuration) || maxSessionDuration < 3600 || maxSessionDuration > 43_200) {
    throw new TypeError(`roles: ${name}: maxSessionDuration is 3600 to 43200 seconds, not ${maxSessionDuration}`);
  }
  return {
    arn,
    accountId,
    partition: partitionOf(arn) ?? partition,
    name,
    id: awsId('AROA', 17),
    trust: parseTrustPolicy(role.trustPolicy, `roles: ${name}: trustPolicy`),
    maxSessionDuration,
    tags: { ...role.tags },
  };
}

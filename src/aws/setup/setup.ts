/**
 * The whole setup as data, whatever it is rendered to: providers, roles with their trust and permissions, the bucket's
 * policy.
 *
 * @module
 */
import type { Config } from '../../config/types.ts';
import { UsageError } from '../../lib/errors.ts';
import { InvalidWallet, parseWallet } from '../../workload/wallet.ts';
import { checkCidr, type Dialect, inOneAccount, type Place, placeOf, planOf, type Role } from '../plan.ts';
import type { ExplainedStatement } from '../policy-document.ts';
import { awsBucketPolicy } from './bucket-policy-aws.ts';
import { awsRevocation, awsRolePolicy, awsTrustPolicy } from './policies-aws.ts';
import { cephBucketPolicy, cephRevocation, cephRolePolicy, cephTrustPolicy } from './policies-ceph.ts';
import { checkBucketSize, checkRoleSizes } from './sizes.ts';

export interface SetupOptions {
  readonly dialect?: Dialect;
  readonly bucket: string;
  /** Where the wallets' folders are; the bucket's root unless told. */
  readonly prefix?: string;
  readonly sourceIps?: readonly string[];
  readonly bindSession?: boolean;
  /** The KMS key that encrypts the bucket, by ARN. */
  readonly kmsKey?: string;
  /** The bucket's account, if it is not the roles'. */
  readonly bucketAccount?: string;
  /** A principal, by ARN, that may still become the roles while an old broker is in use. */
  readonly keepPrincipal?: string;
  /** Where identity tokens come from elsewhere: the issuer they bear. */
  readonly issuer?: string;
  /** Where the roles are in several accounts: which one is set up. */
  readonly account?: string;
}

/** What one account is told. */
export type AccountPlan = ReturnType<typeof inOneAccount>;

export interface Setup {
  readonly plan: AccountPlan;
  readonly place: Place;
  readonly roles: readonly {
    readonly role: Role;
    readonly trust: ExplainedStatement[];
    readonly permissions: ExplainedStatement[];
  }[];
  readonly bucketPolicy: ExplainedStatement[];
  /** The bucket's account where that is another one: its policy can't be put with the same credentials. */
  readonly bucketElsewhere: string | undefined;
  /** What works only with a raised quota. */
  readonly warnings: readonly string[];
}

/** @throws UsageError where the configuration or an option can't be turned into policies */
export function setupOf(config: Config, options: SetupOptions): Setup {
  const dialect = options.dialect ?? 'aws';
  const given = options.issuer === undefined ? {} : { issuer: options.issuer };
  const plan = inOneAccount(planOf(config, { dialect, ...given }), options.account);
  const place = placeOf(options.bucket, options.prefix, dialect);
  const last = place.prefix.split('/').at(-2)?.toLowerCase() ?? '';
  if (plan.wallets.includes(last)) {
    throw new UsageError(
      `--prefix ${JSON.stringify(options.prefix)}: it ends in a wallet, and the folders of the wallets stand behind it; leave the wallet out`,
    );
  }
  const { kmsKey, keepPrincipal, bucketAccount } = options;
  if (kmsKey !== undefined) checkKmsKey(kmsKey);
  if (keepPrincipal !== undefined) checkPrincipal(keepPrincipal);
  const trustOptions = { bindSession: options.bindSession === true, keepPrincipal };
  const roleOptions = { sourceIps: (options.sourceIps ?? []).map(checkCidr), kmsKey };
  if (dialect === 'ceph') {
    const beyond = Object.entries({ kmsKey, keepPrincipal, bucketAccount }).find(([, value]) => value !== undefined);
    if (beyond !== undefined) throw new UsageError(`${FLAGS[beyond[0]]}: not written for Ceph`);
    return {
      plan,
      place,
      roles: plan.roles.map(role => ({
        role,
        trust: cephTrustPolicy(plan, role, trustOptions),
        permissions: cephRolePolicy(plan, place, roleOptions),
      })),
      bucketPolicy: cephBucketPolicy(plan, place),
      bucketElsewhere: undefined,
      warnings: [],
    };
  }
  const bucketElsewhere = bucketAccountOf(bucketAccount, plan.account);
  const roles = plan.roles.map(role => ({
    role,
    trust: awsTrustPolicy(role, plan.walletTag, trustOptions),
    permissions: awsRolePolicy(plan, place, roleOptions),
  }));
  const bucketPolicy = awsBucketPolicy(plan, place, {
    isInOtherAccount: bucketElsewhere !== undefined,
    isMoving: keepPrincipal !== undefined,
  });
  checkBucketSize(place.bucket, bucketPolicy);
  const warnings = roles.flatMap(({ role, trust, permissions }) => checkRoleSizes(role.name, trust, permissions));
  return { plan, place, roles, bucketPolicy, bucketElsewhere, warnings };
}

const FLAGS: Readonly<Record<string, string>> = {
  kmsKey: '--kms-key',
  keepPrincipal: '--keep-principal',
  bucketAccount: '--bucket-account',
};

function checkKmsKey(arn: string): void {
  if (/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/.test(arn)) return;
  throw new UsageError(
    `--kms-key ${JSON.stringify(arn)}: the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; a policy can't name an alias`,
  );
}

function checkPrincipal(arn: string): void {
  if (/^arn:[\w-]+:iam::\d{12}:(user|role)\/[\w+=,.@/-]+$/.test(arn)) return;
  throw new UsageError(
    `--keep-principal ${JSON.stringify(arn)}: the ARN of one IAM user or role, arn:aws:iam::ACCOUNT:user/NAME`,
  );
}

function bucketAccountOf(given: string | undefined, roles: string): string | undefined {
  if (given !== undefined && !/^\d{12}$/.test(given)) {
    throw new UsageError(`--bucket-account ${JSON.stringify(given)}: the twelve digits of the bucket's account`);
  }
  return given === roles ? undefined : given;
}

export interface Revocation {
  readonly plan: AccountPlan;
  readonly wallet: string;
  /** The inline policy's name: one a wallet, so that revoking again replaces it. */
  readonly policyName: string;
  readonly statements: ExplainedStatement[];
}

/** @throws UsageError for what is no wallet */
export function revocationOf(
  config: Config,
  options: { wallet: string; now: number; dialect?: Dialect; issuer?: string; account?: string },
): Revocation {
  const dialect = options.dialect ?? 'aws';
  const given = options.issuer === undefined ? {} : { issuer: options.issuer };
  const plan = inOneAccount(planOf(config, { dialect, ...given }), options.account);
  const wallet = walletOf(options.wallet);
  return {
    plan,
    wallet,
    policyName: `walletcreds-revoke-${wallet}`,
    statements:
      dialect === 'ceph' ? cephRevocation(plan.walletTag, wallet) : awsRevocation(plan.walletTag, wallet, options.now),
  };
}

function walletOf(input: string): string {
  try {
    return parseWallet(input);
  } catch (error) {
    if (error instanceof InvalidWallet) throw new UsageError(`--revoke ${JSON.stringify(input)}: ${error.message}`);
    throw error;
  }
}

/**
 * The whole set-up as data, whatever it is rendered to: providers, roles with their trust and permissions, the bucket's
 * policy.
 *
 * @module
 */
import type { Config } from '../../config/types.ts';
import { UsageError } from '../../lib/errors.ts';
import { InvalidWallet, parseWallet } from '../../workload/wallet.ts';
import { checkCidr, type Dialect, inOneAccount, type Place, placeOf, planOf, type Role } from '../plan.ts';
import type { ExplainedStatement } from '../policy-document.ts';
import { awsBucketPolicy, awsRevocation, awsRolePolicy, awsTrustPolicy } from './policies-aws.ts';
import { cephBucketPolicy, cephRevocation, cephRolePolicy, cephTrustPolicy } from './policies-ceph.ts';

export interface SetupOptions {
  readonly dialect?: Dialect;
  readonly bucket: string;
  /** Where the wallets' folders are; the bucket's root unless told. */
  readonly prefix?: string;
  readonly sourceIps?: readonly string[];
  readonly bindSession?: boolean;
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
  const trustOptions = { bindSession: options.bindSession === true };
  const roleOptions = { sourceIps: (options.sourceIps ?? []).map(checkCidr) };
  return {
    plan,
    place,
    roles: plan.roles.map(role => ({
      role,
      trust:
        dialect === 'ceph'
          ? cephTrustPolicy(plan, role, trustOptions)
          : awsTrustPolicy(role, plan.walletTag, trustOptions),
      permissions:
        dialect === 'ceph' ? cephRolePolicy(plan, place, roleOptions) : awsRolePolicy(plan, place, roleOptions),
    })),
    bucketPolicy: dialect === 'ceph' ? cephBucketPolicy(plan, place) : awsBucketPolicy(plan, place),
  };
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

/**
 * What a configuration asks of the cloud account: which providers must be registered, which roles trust them, for which
 * bucket and prefix. Everything that is printed, and everything `doctor` compares with, is derived from a plan.
 *
 * @module
 */

import { isIP } from 'node:net';
import { isAws } from '../config/names.ts';
import type { Config } from '../config/types.ts';
import { beyondAws, issuerProblem } from '../config/urls.ts';
import { subjectOf } from '../identity-token/claims.ts';
import { UsageError } from '../lib/errors.ts';
import { withoutTrailingSlashes } from '../lib/text/plain.ts';
import type { RoleArn } from '../workload/role-arn.ts';
import { type IdentityTokenConfig, sessionNameOf, type Workload } from '../workload/workload.ts';
import { checkBucketName } from './bucket-name.ts';
import { fileTokenIssuer, principalTagsOf, readTokenFile } from './doctor/token-file.ts';

export type Dialect = 'aws' | 'ceph';

/** One OIDC provider as IAM knows it. */
export interface Provider {
  /** Byte for byte the `iss` of the tokens. */
  readonly issuer: string;
  /** Without the scheme: what the ARN and the condition keys are made of. */
  readonly host: string;
  readonly audience: string;
  readonly arn: string;
}

/** One data role, and whose tokens it trusts. */
export interface Role extends RoleArn {
  /** Seconds; at least the 3,600 that IAM starts from. */
  readonly maxSessionDuration: number;
  readonly providers: readonly Provider[];
}

/** A workload's session: what its token and its exchange tell STS. */
export interface Session {
  readonly wallet: string;
  readonly roleArn: string;
  readonly issuer: string;
  readonly audience: string;
  /** `RoleSessionName`. */
  readonly name: string;
  /** `sub` of its token. */
  readonly subject: string;
  /** Principal tags of its token, the wallet's among them; none for a token without tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** The inline session policy. */
  readonly policy: string | undefined;
}

export interface Plan {
  readonly dialect: Dialect;
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string;
  readonly region: string;
  readonly walletTag: string;
  readonly providers: readonly Provider[];
  readonly roles: readonly Role[];
  /** Lower case, sorted: Ceph's policies are written out for each. */
  readonly wallets: readonly string[];
  readonly sessions: readonly Session[];
  /** Further tags that workloads carry, sorted. */
  readonly tagKeys: readonly string[];
  /** Where STS, IAM and S3 answer, for Ceph's commands. */
  readonly endpoint: string;
}

/** A bucket and the part of it in which every wallet has a folder. */
export interface Place {
  readonly bucket: string;
  /** Empty, or ending in `/`. */
  readonly prefix: string;
}

/**
 * @param options.issuer for identity tokens that come from elsewhere, where the configuration can't tell the issuer
 * @throws UsageError naming what is missing
 */
export function planOf(config: Config, options: { dialect?: Dialect; issuer?: string } = {}): Plan {
  const dialect = options.dialect ?? 'aws';
  // Another STS than AWS's takes other issuers too, as `serve` does.
  const toAws = dialect === 'aws' && isAws(config.sts.endpoint);
  const found = new Map<string, { role: RoleArn; max: number; providers: Map<string, Provider> }>();
  const uses = [...config.workloads.values()].map(({ workload }) => workload);
  const { role: top, sessionDuration, identityToken } = config.defaults;
  const all = [...(top === undefined ? [] : [{ role: top, sessionDuration, identityToken }]), ...uses];
  if (all.length === 0)
    throw new UsageError('no role_arn in the configuration: add the ARN that the data role shall have');
  for (const { role, ...use } of all) {
    const of = found.get(role.arn) ?? { role, max: 3600, providers: new Map<string, Provider>() };
    found.set(role.arn, of);
    const provider = providerOf(use.identityToken, role, toAws, options.issuer);
    of.providers.set(`${provider.issuer} ${provider.audience}`, provider);
    of.max = Math.max(of.max, use.sessionDuration);
  }
  const roles = [...found.values()].map(
    ({ role, max, providers }): Role => ({ ...role, maxSessionDuration: max, providers: [...providers.values()] }),
  );
  return {
    dialect,
    partition: all.at(-1)?.role.partition ?? 'aws',
    region: config.region,
    walletTag: config.walletTag,
    ...withProviders(roles),
    wallets: [...new Set(uses.map(({ wallet }) => wallet))].sort(),
    sessions: uses.map(workload => sessionOf(workload, toAws, options.issuer)),
    tagKeys: [...new Set(uses.flatMap(({ tags }) => Object.keys(tags)))].sort(),
    endpoint: config.sts.endpoint,
  };
}

/** Providers as the account has them: one an issuer, with every audience that is used. */
export function providersByIssuer(plan: Plan): { issuer: string; audiences: string[] }[] {
  const byIssuer = new Map<string, Set<string>>();
  for (const { issuer, audience } of plan.providers)
    byIssuer.set(issuer, (byIssuer.get(issuer) ?? new Set()).add(audience));
  return [...byIssuer].map(([issuer, audiences]) => ({ issuer, audiences: [...audiences] }));
}

function withProviders(roles: readonly Role[]): Pick<Plan, 'roles' | 'providers'> {
  const providers = new Map(roles.flatMap(r => r.providers).map(p => [`${p.arn} ${p.audience}`, p]));
  return { roles, providers: [...providers.values()] };
}

/**
 * The part of a plan for one account: a script runs, and a template is deployed, in one account.
 *
 * @param account which, where the roles are in several
 * @throws UsageError where it isn't clear which, or two roles have one name, which an account gives only once
 */
export function inOneAccount(plan: Plan, account?: string): Plan & { readonly account: string } {
  const accounts = [...new Set(plan.roles.map(role => role.account))].sort();
  if (account === undefined && accounts.length > 1) {
    throw new UsageError(
      `the roles of this configuration are in ${accounts.length} accounts (${accounts.join(', ')}); print each account's part with --account-id ID`,
    );
  }
  const chosen = account ?? accounts[0] ?? '';
  const roles = plan.roles.filter(role => role.account === chosen);
  if (roles.length === 0) {
    throw new UsageError(
      `--account-id ${chosen}: no role of this configuration is there, but in ${accounts.join(', ')}`,
    );
  }
  for (const { name, arn } of roles) {
    const other = roles.find(role => role.name === name && role.arn !== arn);
    if (other !== undefined) {
      throw new UsageError(
        `${arn} and ${other.arn}: an account has a role's name only once, whatever the paths; rename one`,
      );
    }
  }
  return { ...plan, ...withProviders(roles), account: chosen };
}

function sessionOf(workload: Workload, toAws: boolean, issuer: string | undefined): Session {
  const { wallet, role, identityToken: source, walletTag } = workload;
  const provider = providerOf(source, role, toAws, issuer);
  const token = source.kind === 'file' ? readTokenFile(source.path)?.claims : undefined;
  return {
    wallet,
    roleArn: role.arn,
    issuer: provider.issuer,
    audience: provider.audience,
    name: sessionNameOf(workload),
    subject: token?.sub ?? subjectOf(wallet),
    tags: token === undefined ? { ...workload.tags, [walletTag]: wallet } : principalTagsOf(token),
    policy: workload.sessionPolicy,
  };
}

/** The issuer whose name a configured source's tokens bear; undefined where nothing here says it. */
export function issuerOf(source: IdentityTokenConfig): string | undefined {
  if (source.kind === 'signer') return source.issuer;
  if (source.kind === 'broker') return withoutTrailingSlashes(source.url);
  return fileTokenIssuer(source.path);
}

function providerOf(
  source: IdentityTokenConfig,
  { partition, account }: RoleArn,
  toAws: boolean,
  override: string | undefined,
): Provider {
  const issuer = source.kind === 'signer' ? source.issuer : (override ?? issuerOf(source));
  if (issuer === undefined) {
    throw new UsageError(
      'identity_token.file: the token cannot be read here, so its issuer is unknown; give it with --issuer URL',
    );
  }
  const problem = issuerProblem(issuer, toAws) ?? (toAws ? beyondAws(issuer) : undefined);
  if (problem !== undefined) throw new UsageError(`issuer ${issuer}: ${problem}`);
  const host = issuer.replace(/^https?:\/\//, '');
  return { issuer, host, audience: source.audience, arn: `arn:${partition}:iam::${account}:oidc-provider/${host}` };
}

/**
 * Checks a bucket and a prefix, and adds the slash that a prefix lacks: `bots` alone would make the key `bots0x…`.
 *
 * @throws UsageError
 */
export function placeOf(bucket: string, prefix: string | undefined, dialect: Dialect = 'aws'): Place {
  checkBucketName(bucket, dialect);
  const given = prefix ?? '';
  if (given.startsWith('/'))
    throw new UsageError(
      `--prefix ${JSON.stringify(given)}: S3's keys begin without a slash; write ${JSON.stringify(given.replace(/^\/+/, ''))}`,
    );
  // A wildcard or a variable in it would widen every statement that is built from it.
  if (!/^[\w!.'()=+@:,/ -]*$/.test(given) || given.includes('//') || given.length > 512) {
    throw new UsageError(
      `--prefix ${JSON.stringify(given)}: letters, digits and _!.'()=+@:,/- only, no "*", "?", "$" and no empty part`,
    );
  }
  return { bucket, prefix: given === '' || given.endsWith('/') ? given : `${given}/` };
}

/** @throws UsageError for what is no address and no CIDR block */
export function checkCidr(value: string): string {
  const [address = '', bits] = value.split('/');
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  if (family === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))) {
    throw new UsageError(`--source-ip ${JSON.stringify(value)}: not a CIDR block (203.0.113.0/24, 2001:db8::/32)`);
  }
  return bits === undefined ? `${address}/${most}` : value;
}

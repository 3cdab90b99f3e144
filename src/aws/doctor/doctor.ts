/**
 * Everything that would fail, and why: the configuration, its keys and tokens, the issuer and STS's clock as they are seen
 * from outside, the cloud account's policies, and an application's environment. It changes nothing.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { isAws } from '../../config/names.ts';
import type { Config } from '../../config/types.ts';
import type { KeySet } from '../../identity-token/keys/index.ts';
import { UsageError } from '../../lib/errors.ts';
import { request } from '../../lib/http-client.ts';
import { iamEndpoint, keysFromEnvironment, s3Endpoint } from '../account.ts';
import { MAX_POLICY } from '../iam/parse.ts';
import type { PolicyKind } from '../iam/policy.ts';
import { type Dialect, issuerOf, type Place, type Plan, placeOf, planOf } from '../plan.ts';
import { checkAccount } from './checks/account.ts';
import { checkClock } from './checks/clock.ts';
import { checkConfig, checkConfigError, checkKeys, checkTokenFile, tokenSources } from './checks/config.ts';
import { checkEnvFile, checkOwnEnvironment } from './checks/environment.ts';
import { checkGrants } from './checks/grants.ts';
import { checkIssuer, type Send } from './checks/issuer.ts';
import { checkTrust } from './checks/trust.ts';
import { type Finding, finding, sorted } from './finding.ts';
import { type ReadPolicy, readPolicy } from './policy/read.ts';

export interface DoctorOptions {
  /** As the user named it. */
  readonly configFile: string;
  /** The configuration, or what its loading threw. */
  readonly config: Config | { readonly error: unknown };
  readonly appEnv?: string | undefined;
  readonly trustPolicy?: string | undefined;
  readonly rolePolicy?: string | undefined;
  readonly bucketPolicy?: string | undefined;
  /** The bucket that the policies are about; without it no grant can be judged. */
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
  /** Read IAM with the credentials in `env`. */
  readonly account?: boolean | undefined;
  /** Of this process. */
  readonly env: NodeJS.ProcessEnv;
  /** Default: by the role's ARN, which has an account at AWS and none at Ceph. */
  readonly dialect?: Dialect | undefined;
  readonly issuer?: string | undefined;
  /** Skip what needs the network. */
  readonly offline?: boolean | undefined;
  readonly now?: () => number;
  readonly send?: Send;
}

/** All findings, errors first. Never throws for bad input: that is a finding. */
export async function diagnose(options: DoctorOptions): Promise<Finding[]> {
  const { env, send = request, now = Date.now } = options;
  const config = 'error' in options.config ? undefined : options.config;
  const out: Finding[] = [];
  if ('error' in options.config) out.push(...checkConfigError(options.config.error, options.configFile));
  if (options.appEnv !== undefined) out.push(...checkEnvFile(options.appEnv, config));
  if (options.account !== true) out.push(...checkOwnEnvironment(env));
  if (config === undefined) return sorted([...out, ...(await withoutConfig(options))]);
  out.push(...checkConfig(config));
  const dialect = options.dialect ?? dialectOf(config);
  const beholder = { dialect, aws: dialect === 'aws' && isAws(config.sts.endpoint) };
  for (const { source, wallets, hasPolicy } of tokenSources(config)) {
    let keys: KeySet | undefined;
    if (source.kind === 'signer') {
      const checked = await checkKeys(source.keysDir, source.purpose, now());
      out.push(...checked.findings);
      keys = checked.keys;
    }
    if (source.kind === 'file') out.push(...checkTokenFile(source.path, config.walletTag, wallets, hasPolicy));
    const issuer = source.kind === 'signer' ? source.issuer : (options.issuer ?? issuerOf(source));
    if (issuer !== undefined && options.offline !== true)
      out.push(...(await checkIssuer(issuer, beholder, keys, now(), send)));
  }
  if (options.offline !== true) out.push(...(await checkClock(config, dialect, now, send)));
  out.push(...(await checkPolicies(options, config, dialect, send)));
  return sorted(out);
}

async function checkPolicies(options: DoctorOptions, config: Config, dialect: Dialect, send: Send): Promise<Finding[]> {
  const { trustPolicy, rolePolicy, bucketPolicy, env } = options;
  if ([trustPolicy, rolePolicy, bucketPolicy].every(f => f === undefined) && options.account !== true) return [];
  let plan: Plan;
  let place: Place | undefined;
  try {
    place = options.bucket === undefined ? undefined : placeOf(options.bucket, options.prefix, dialect);
    plan = planOf(config, { dialect, ...(options.issuer === undefined ? {} : { issuer: options.issuer }) });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [finding('config-invalid', error.message, options.configFile), ...(await withoutConfig(options))];
  }
  const trust = trustPolicy === undefined ? undefined : policyFile(trustPolicy, 'trust');
  const role = rolePolicy === undefined ? undefined : policyFile(rolePolicy, 'identity');
  const bucket = bucketPolicy === undefined ? undefined : policyFile(bucketPolicy, 'resource');
  const out = [trust, role, bucket].flatMap(p => p?.findings ?? []);
  if (trust !== undefined && trustPolicy !== undefined) {
    out.push(...checkTrust(trust, plan, trustPolicy));
    out.push(
      ...checkGrants({ role: { ...trust, statements: [] }, roleName: trustPolicy, bucketName: '' }, plan, undefined),
    );
  }
  if (role !== undefined || bucket !== undefined) {
    const grants = { ...(role === undefined ? {} : { role }), ...(bucket === undefined ? {} : { bucket }) };
    out.push(
      ...checkGrants(
        { ...grants, roleName: rolePolicy ?? 'the role', bucketName: bucketPolicy ?? 'the bucket' },
        plan,
        place,
      ),
    );
  }
  if (options.account === true) {
    const keys = keysFromEnvironment(env);
    if (keys === undefined) {
      out.push(
        finding(
          'account-credentials',
          'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set',
          "this shell's environment",
        ),
      );
    } else {
      const account = { iamEndpoint: iamEndpoint(plan, env), s3Endpoint: s3Endpoint(plan, env), keys };
      out.push(...(await checkAccount({ ...account, send: asToSts(config, send) }, plan, place, bucket)));
    }
  }
  return out;
}

/** Where IAM and S3 are STS's own gateway, they are called as it is: with its authorities, and over http where that was allowed. */
function asToSts({ sts }: Config, send: Send): Send {
  const { origin } = new URL(sts.endpoint);
  const { caFile, allowInsecureHttp } = sts;
  return asked => send(new URL(asked.url).origin === origin ? { ...asked, caFile, allowInsecureHttp } : asked);
}

/** Without a configuration the documents can still be read for what is wrong in themselves. */
async function withoutConfig({ trustPolicy, rolePolicy, bucketPolicy }: DoctorOptions): Promise<Finding[]> {
  const files: [string | undefined, PolicyKind][] = [
    [trustPolicy, 'trust'],
    [rolePolicy, 'identity'],
    [bucketPolicy, 'resource'],
  ];
  return files.flatMap(([file, kind]) => (file === undefined ? [] : policyFile(file, kind).findings));
}

function policyFile(file: string, kind: PolicyKind): ReadPolicy {
  const unreadable = (found: Finding): ReadPolicy => ({ statements: [], findings: [found], roleTags: [] });
  try {
    const stats = statSync(file);
    const { size } = stats;
    // A pipe is what the shell makes of <(aws iam get-role …); a device may never end.
    if (!stats.isFile() && !stats.isFIFO()) return unreadable(finding('policy-unreadable', 'it is no file', file));
    if (size > MAX_POLICY) return unreadable(finding('policy-too-large', `${size} bytes are no policy`, file));
    return readPolicy(readFileSync(file, 'utf8'), kind, file);
  } catch (error) {
    return unreadable(
      finding('policy-unreadable', `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, file),
    );
  }
}

/** Ceph's ARNs have no account. */
export function dialectOf(config: Config): Dialect {
  const roles = [config.defaults.role, ...[...config.workloads.values()].map(w => w.workload.role)];
  return roles.some(role => role?.account === '') ? 'ceph' : 'aws';
}

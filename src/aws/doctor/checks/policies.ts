/**
 * The documents of the account: policies in files, or the account's own.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import type { Config } from '../../../config/types.ts';
import { UsageError } from '../../../lib/errors.ts';
import { iamEndpoint, keysFromEnvironment, s3Endpoint } from '../../account.ts';
import { MAX_POLICY } from '../../iam/parse.ts';
import type { PolicyKind } from '../../iam/policy.ts';
import { type Dialect, type Place, type Plan, placeOf, planOf } from '../../plan.ts';
import type { Checklist } from '../checklist.ts';
import { finding } from '../finding.ts';
import type { DoctorOptions } from '../options.ts';
import { type ReadPolicy, readPolicy } from '../policy/read.ts';
import { checkAccount } from './account.ts';
import { checkGrants } from './grants.ts';
import type { Send } from './issuer.ts';
import { checkTrust } from './trust.ts';

const NO_BUCKET = 'whose folders it is about is unknown: give --bucket B and --prefix P';

/** Each document that a flag names, read for what is wrong in itself. */
type Documents = Readonly<Record<'trust' | 'role' | 'bucket', ReadPolicy | undefined>>;

export async function checkPolicies(
  list: Checklist,
  options: DoctorOptions,
  config: Config | undefined,
  dialect: Dialect,
  send: Send,
): Promise<void> {
  const documents: Documents = {
    trust: policyFile(options.trustPolicy, 'trust'),
    role: policyFile(options.rolePolicy, 'identity'),
    bucket: policyFile(options.bucketPolicy, 'resource'),
  };
  const given = Object.values(documents).some(document => document !== undefined);
  let plan: Plan | undefined;
  let place: Place | undefined;
  if (config !== undefined && (given || options.account === true)) {
    try {
      place = options.bucket === undefined ? undefined : placeOf(options.bucket, options.prefix, dialect);
      plan = planOf(config, { dialect, ...(options.issuer === undefined ? {} : { issuer: options.issuer }) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      list.add('what the configuration asks of the account', [
        finding('config-invalid', error.message, options.configFile),
      ]);
    }
  }
  checkFiles(list, options, documents, plan, place);
  if (options.account !== true) list.skip('the account', 'give --account, with credentials that may read IAM');
  else if (config === undefined || plan === undefined) list.skip('the account', 'the configuration tells no role');
  else await checkWholeAccount(list, options, config, plan, place, documents.bucket, send);
}

function checkFiles(
  list: Checklist,
  options: DoctorOptions,
  { trust, role, bucket }: Documents,
  plan: Plan | undefined,
  place: Place | undefined,
): void {
  const { trustPolicy = '', rolePolicy = '', bucketPolicy = '' } = options;
  const names = { roleName: rolePolicy || 'the role', bucketName: bucketPolicy || 'the bucket' };
  if (trust !== undefined) {
    const tags = { role: { ...trust, statements: [] }, roleName: trustPolicy, bucketName: '' };
    const checked =
      plan === undefined ? [] : [...checkTrust(trust, plan, trustPolicy), ...checkGrants(tags, plan, undefined)];
    list.add(`trust policy ${trustPolicy}`, [...trust.findings, ...checked]);
  } else if (options.account !== true) list.skip('trust policy', 'give --trust-policy FILE, or --account');
  const files = [...(role === undefined ? [] : [rolePolicy]), ...(bucket === undefined ? [] : [bucketPolicy])];
  if (files.length === 0) {
    if (options.account !== true)
      list.skip("the role's and the bucket's policy", 'give --role-policy and --bucket-policy, or --account');
    return;
  }
  const found = [...(role?.findings ?? []), ...(bucket?.findings ?? [])];
  const checked = plan === undefined ? [] : checkGrants({ role, bucket, ...names }, plan, place);
  list.add(`policies ${files.join(' and ')}`, [...found, ...checked]);
  if (plan !== undefined && place === undefined)
    list.skip(`what ${files.join(' and ')} let a session reach`, NO_BUCKET);
}

async function checkWholeAccount(
  list: Checklist,
  { env }: DoctorOptions,
  config: Config,
  plan: Plan,
  place: Place | undefined,
  bucket: ReadPolicy | undefined,
  send: Send,
): Promise<void> {
  const keys = keysFromEnvironment(env);
  if (keys === undefined) {
    const what = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set';
    return list.add('the account', [finding('account-credentials', what, "this shell's environment")]);
  }
  const account = { iamEndpoint: iamEndpoint(plan, env), s3Endpoint: s3Endpoint(plan, env), keys };
  list.add(
    'the account: providers, roles and their policies',
    await checkAccount({ ...account, send: asToSts(config, send) }, plan, place, bucket),
  );
  if (place === undefined) list.skip("what the account's policies let a session reach", NO_BUCKET);
}

/** Where IAM and S3 are STS's own gateway, they are called as it is: with its authorities, and over http where that was allowed. */
function asToSts({ sts }: Config, send: Send): Send {
  const { origin } = new URL(sts.endpoint);
  const { caFile, allowInsecureHttp } = sts;
  return asked => send(new URL(asked.url).origin === origin ? { ...asked, caFile, allowInsecureHttp } : asked);
}

function policyFile(file: string | undefined, kind: PolicyKind): ReadPolicy | undefined {
  if (file === undefined) return undefined;
  const unreadable = (code: 'policy-unreadable' | 'policy-too-large', what: string): ReadPolicy => ({
    statements: [],
    findings: [finding(code, what, file)],
    roleTags: [],
  });
  try {
    const stats = statSync(file);
    // A pipe is what the shell makes of <(aws iam get-role …); a device may never end.
    if (!stats.isFile() && !stats.isFIFO()) return unreadable('policy-unreadable', 'it is no file');
    if (stats.size > MAX_POLICY) return unreadable('policy-too-large', `${stats.size} bytes are no policy`);
    return readPolicy(readFileSync(file, 'utf8'), kind, file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return unreadable('policy-unreadable', `it cannot be read (${code})`);
  }
}

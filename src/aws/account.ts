/**
 * The setup as IAM and S3 really have it: a thin reader with the caller's own credentials, for `doctor --account`.
 *
 * @module
 */

import { PARTITIONS } from '../lib/aws-partitions.ts';
import type { OutboundResponse } from '../lib/http-client.ts';
import { masked } from '../lib/text/masked.ts';
import { decoded, elements, textOf } from '../lib/xml.ts';
import type { Send } from './doctor/checks/issuer.ts';
import { type Finding, finding } from './doctor/finding.ts';
import { percentDecoded } from './doctor/policy/unwrap.ts';
import type { Plan, Role } from './plan.ts';
import { type AwsKeys, sendSigned, withoutSecrets } from './signed-request.ts';

export interface Account {
  readonly iamEndpoint: string;
  /** Of another S3 than AWS's. */
  readonly s3Endpoint?: string | undefined;
  readonly keys: AwsKeys;
  readonly send: Send;
}

/** What IAM holds of one role. */
export interface AccountRole {
  readonly arn: string;
  readonly trust: string;
  readonly maxSessionDuration: number;
  readonly tagKeys: readonly string[];
  /** Inline and attached ones, by name. */
  readonly policies: readonly NamedDocument[];
  /** The permissions boundary. */
  readonly boundary: NamedDocument | undefined;
}

export interface NamedDocument {
  readonly name: string;
  readonly text: string;
}

/** IAM refused, or isn't there: the finding says which call. */
export class AccountUnreadable extends Error {
  readonly found: Finding;
  constructor(found: Finding) {
    super(found.what);
    this.found = found;
  }
}

/** Credentials of the person who runs the command: the environment, never a file or a metadata service. */
export function keysFromEnvironment(env: NodeJS.ProcessEnv): AwsKeys | undefined {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'] ?? '';
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'] ?? '';
  if (accessKeyId === '' || secretAccessKey === '') return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] || undefined };
}

/** IAM's host and signing region, where they are not those of the partition's first region. */
const GLOBAL_IAM: Readonly<Record<string, readonly [url: string, region: string]>> = {
  aws: ['https://iam.amazonaws.com', 'us-east-1'],
  'aws-us-gov': ['https://iam.us-gov.amazonaws.com', 'us-gov-west-1'],
};

/** IAM is one service a partition. */
function iamOf({ partition, region }: Plan): readonly [url: string, region: string] {
  const { regions, dnsSuffix } = PARTITIONS.find(({ name }) => name === partition) ?? PARTITIONS[0];
  const [first = region] = regions;
  return GLOBAL_IAM[partition] ?? [`https://iam.${first}.${dnsSuffix}`, first];
}

/** `AWS_ENDPOINT_URL_IAM` and `AWS_ENDPOINT_URL` count, as they do for the AWS CLI. */
export function iamEndpoint(plan: Plan, env: NodeJS.ProcessEnv): string {
  return toldEndpoint(env, 'IAM') ?? (plan.dialect === 'ceph' ? plan.endpoint : iamOf(plan)[0]);
}

/** The same for S3; undefined: AWS's own. */
export function s3Endpoint(plan: Plan, env: NodeJS.ProcessEnv): string | undefined {
  return toldEndpoint(env, 'S3') ?? (plan.dialect === 'ceph' ? plan.endpoint : undefined);
}

function toldEndpoint(env: NodeJS.ProcessEnv, service: 'IAM' | 'S3'): string | undefined {
  return env[`AWS_ENDPOINT_URL_${service}`] || env['AWS_ENDPOINT_URL'] || undefined;
}

/** @throws AccountUnreadable */
export async function readRole(account: Account, plan: Plan, role: Role): Promise<AccountRole> {
  const ask = (action: string, parameters: Record<string, string> = {}) =>
    call(account, plan, action, { RoleName: role.name, ...parameters });
  const got = await ask('GetRole');
  const inlineNames = await listed(ask, 'ListRolePolicies', 'member');
  const policies: { name: string; text: string }[] = [];
  for (const name of inlineNames) {
    const body = await ask('GetRolePolicy', { PolicyName: name });
    policies.push({ name: `role ${role.name}, policy ${name}`, text: documentIn(body, 'PolicyDocument') });
  }
  const managed = async (arn: string) => {
    const version = textOf(await call(account, plan, 'GetPolicy', { PolicyArn: arn }), 'DefaultVersionId') ?? 'v1';
    const body = await call(account, plan, 'GetPolicyVersion', { PolicyArn: arn, VersionId: version });
    return documentIn(body, 'Document');
  };
  for (const arn of await attached(ask, plan)) {
    policies.push({ name: `role ${role.name}, attached ${arn}`, text: await managed(arn) });
  }
  const boundary = textOf(got, 'PermissionsBoundaryArn');
  return {
    arn: textOf(got, 'Arn') ?? '',
    trust: documentIn(got, 'AssumeRolePolicyDocument'),
    maxSessionDuration: Number(textOf(got, 'MaxSessionDuration') ?? 3600),
    tagKeys: elements(elements(got, 'Tags')[0] ?? '', 'Key').map(decoded),
    policies,
    boundary: boundary === undefined ? undefined : { name: boundary, text: await managed(boundary) },
  };
}

/** @returns undefined where the account has no such provider. @throws AccountUnreadable */
export async function readProvider(
  account: Account,
  plan: Plan,
  arn: string,
): Promise<{ url: string; audiences: string[] } | undefined> {
  try {
    const body = await call(account, plan, 'GetOpenIDConnectProvider', { OpenIDConnectProviderArn: arn });
    return {
      url: textOf(body, 'Url') ?? '',
      audiences: elements(elements(body, 'ClientIDList')[0] ?? '', 'member').map(decoded),
    };
  } catch (error) {
    if (error instanceof AccountUnreadable && error.found.code === 'account-missing') return undefined;
    throw error;
  }
}

/** Ceph before 19 knows inline policies only, and says MethodNotAllowed. */
async function attached(ask: Ask, plan: Plan): Promise<string[]> {
  try {
    return await listed(ask, 'ListAttachedRolePolicies', 'PolicyArn');
  } catch (error) {
    const unknown = error instanceof AccountUnreadable && error.found.what.startsWith('MethodNotAllowed');
    if (plan.dialect === 'ceph' && unknown) return [];
    throw error;
  }
}

type Ask = (action: string, parameters?: Record<string, string>) => Promise<string>;

/** All pages of a list; IAM gives at most 100 entries a page. */
async function listed(ask: Ask, action: string, element: string): Promise<string[]> {
  const out: string[] = [];
  let marker: string | undefined;
  for (let page = 0; page < 50; page++) {
    const body = await ask(action, marker === undefined ? {} : { Marker: marker });
    out.push(
      ...elements(body, element)
        .filter(text => !text.includes('<'))
        .map(decoded),
    );
    marker = textOf(body, 'IsTruncated') === 'true' ? textOf(body, 'Marker') : undefined;
    if (marker === undefined) break;
  }
  return out;
}

/** Documents come percent-encoded from AWS, and as they are from others. */
function documentIn(body: string, element: string): string {
  return percentDecoded(textOf(body, element) ?? '');
}

async function call(account: Account, plan: Plan, action: string, parameters: Record<string, string>): Promise<string> {
  const where = `IAM ${action} ${Object.values(parameters).join(' ')}`.trim();
  let answer: OutboundResponse;
  try {
    answer = await sendSigned(
      {
        method: 'POST',
        url: `${account.iamEndpoint.replace(/\/$/, '')}/`,
        body: new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        service: 'iam',
        region: iamOf(plan)[1],
      },
      account.keys,
      account.send,
    );
  } catch (error) {
    throw new AccountUnreadable(
      finding('account-unreachable', error instanceof Error ? error.message : String(error), where),
    );
  }
  if (answer.status === 200) {
    if (elements(answer.body, `${action}Response`).length > 0) return answer.body;
    throw new AccountUnreadable(finding('account-refused', "it answers 200 with something that isn't IAM's", where));
  }
  const code = textOf(answer.body, 'Code') ?? `HTTP ${answer.status}`;
  const message = masked(withoutSecrets(textOf(answer.body, 'Message') ?? '', account.keys));
  if (answer.status === 404 || code === 'NoSuchEntity') {
    throw new AccountUnreadable(
      finding('account-missing', `there is none${message === '' ? '' : `: ${message}`}`, where),
    );
  }
  throw new AccountUnreadable(finding('account-refused', `${code}${message === '' ? '' : `: ${message}`}`, where));
}

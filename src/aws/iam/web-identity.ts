/**
 * The context that `AssumeRoleWithWebIdentity` really has: which condition keys it holds, which it may hold, and which never.
 *
 * The caller is nobody in the account yet, so `aws:PrincipalOrgID`, `aws:PrincipalTag/*`, `aws:MultiFactorAuthPresent`,
 * `sts:ExternalId` and their like are missing: a positive operator on them is never met, `…IfExists` always is.
 *
 * @module
 */
import type { Context } from './evaluate.ts';

export interface WebIdentityRequest {
  /** The provider's host and path: what stands before `:aud` in condition keys. */
  readonly host: string;
  readonly providerArn: string;
  /** The provider's client id that the token's audience is. */
  readonly audience: string;
  /** `sub`. */
  readonly subject?: string | undefined;
  /** Session tags of the token. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
  readonly sessionName?: string | undefined;
  /** Further keys, such as `aws:SourceIp`; undefined for one that is missing. */
  readonly more?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export function webIdentityContext(request: WebIdentityRequest): Context {
  const { host, tags = {} } = request;
  const all: [string, string | readonly string[] | undefined][] = [
    [`${host}:aud`, request.audience],
    [`${host}:sub`, request.subject],
    ['aws:FederatedProvider', request.providerArn],
    // STS is reached over TLS only.
    ['aws:SecureTransport', 'true'],
    ['sts:RoleSessionName', request.sessionName],
    ['aws:TagKeys', Object.keys(tags)],
    ['sts:TransitiveTagKeys', request.transitiveTagKeys],
    ...Object.entries(tags).map(([key, value]): [string, string] => [`aws:RequestTag/${key}`, value]),
    ...Object.entries(request.more ?? {}),
  ];
  return new Map(
    all.flatMap(([key, value]) => {
      const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
      return values.length === 0 ? [] : [[key.toLowerCase(), values] as const];
    }),
  );
}

/** Keys that say when, from where and by what a request came; a context holds them though nobody here knows their values. */
const CIRCUMSTANCES =
  /^(aws:(currenttime|epochtime|sourceip|vpcsourceip|sourcevpc|sourcevpcarn|sourcevpce|vpce(account|orgid|orgpaths)|useragent|referer|requestedregion)|sts:(identitytokenaudience|signingalgorithm|roleauthorizedbyidp|durationseconds|sourceidentity))$/;

/** Whether the context of a token of the provider may hold a lower-case key that {@link webIdentityContext} lacks. */
export function mayHold(key: string, host: string): boolean {
  return CIRCUMSTANCES.test(key) || key.startsWith(`${host.toLowerCase()}:`);
}

const NEVER =
  /^(aws:(principal\w*(\/.+)?|multifactorauth\w+|assumedroot|chatbotsourcearn|viaawsservice|calledvia\w*|source(account|arn|orgid|orgpaths|identity)|is\w+|resource\w+(\/.+)?|token\w+|user(id|name)|ec2instance\w+|bedrockagentcore\w*|lambda\w+)|sts:(externalid|awsservicename|requestcontext\w*(\/.+)?|taskpolicyarn)|saml:\w+|ec2:\w+|lambda:\w+)$/;

/** Whether a lower-case key is one that STS knows at all, of whichever provider. */
export function isKnownKey(key: string): boolean {
  if (/^aws:requesttag\/.+$|^aws:(tagkeys|federatedprovider|securetransport)$/.test(key)) return true;
  if (/^sts:(rolesessionname|transitivetagkeys)$/.test(key)) return true;
  return CIRCUMSTANCES.test(key) || NEVER.test(key) || (!/^(aws|sts):/.test(key) && /.:./.test(key));
}

/**
 * The variables of a workload's container.
 *
 * Some SDKs read an empty RELATIVE_URI as one that is set, and mix up two URIs. So there is always one URI, and nothing is
 * ever empty.
 *
 * @module
 */
import { noProxyFor } from './no-proxy.ts';
import { noMetadataService } from './other-providers.ts';

/** The host that clients ask for a RELATIVE_URI. */
const RELATIVE_HOST = '169.254.170.2';

export interface ContainerEnvironment {
  /** `http://127.0.0.1:9110/v1/credentials`; this or `relativeUri`. */
  readonly fullUri?: string;
  /** `/v2/credentials/<id>`: the id alone authenticates, a token is optional. */
  readonly relativeUri?: string;
  /** The authorization token itself. */
  readonly token?: string;
  /** Path of the token's file, as the container sees it. Beside `token` it must hold the same value. */
  readonly tokenFile?: string;
  readonly region: string;
  /** `wallet_tag` of the configuration, and the workload's wallet. */
  readonly wallet: { readonly tag: string; readonly value: string };
  /** Only where it isn't the region's own STS. */
  readonly stsEndpoint?: string;
  /** Only where S3 is not AWS's. */
  readonly s3Endpoint?: string;
  /** The environment that the variables are added to: a proxy in it is bypassed. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The variables, in the order in which they are shown. @throws TypeError for no URI, two URIs, or a FULL_URI without a token */
export function variablesFor(options: ContainerEnvironment): Record<string, string> {
  const { fullUri, relativeUri, token, tokenFile, region, wallet, stsEndpoint, s3Endpoint } = options;
  if (Boolean(fullUri) === Boolean(relativeUri)) throw new TypeError('exactly one of fullUri and relativeUri');
  if (fullUri && !token && !tokenFile) throw new TypeError('a fullUri needs token or tokenFile');
  const all = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: fullUri,
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relativeUri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    AWS_REGION: region,
    // AWS CLI and boto3 read this one.
    AWS_DEFAULT_REGION: region,
    ...noMetadataService(fullUri ? 'full' : 'relative'),
    [walletVariable(wallet.tag)]: wallet.value,
    AWS_ENDPOINT_URL_STS: stsEndpoint,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    ...noProxyFor(fullUri ? hostOf(fullUri) : RELATIVE_HOST, options.env ?? {}),
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/** The variable that tells a program its wallet: `AGENTKEYS_USER_WALLET` for the tag `agentkeys_user_wallet`. */
export function walletVariable(tag: string): string {
  return tag
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_');
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
}

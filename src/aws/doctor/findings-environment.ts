/**
 * The findings about an application's environment, and the shape of all findings' entries.
 *
 * @module
 */
/** How bad, why it breaks, how to fix it. */
export interface Entry {
  readonly severity: 'error' | 'warning' | 'info';
  readonly why: string;
  readonly fix: string;
}

export const error = (why: string, fix: string): Entry => ({ severity: 'error', why, fix });
export const warning = (why: string, fix: string): Entry => ({ severity: 'warning', why, fix });
export const info = (why: string, fix: string): Entry => ({ severity: 'info', why, fix });

export const ENVIRONMENT = {
  // --- the application's environment
  'env-unreadable': error('It cannot be checked.', 'Give a file of KEY=value lines.'),
  'env-shadowed': error(
    "It comes before the container endpoint in the SDKs' chain: the application runs as somebody else.",
    "Remove the variable from the application's environment.",
  ),
  'env-leftover': info(
    'Leftover AWS_* variables or a profile decide which credentials a probe by hand really uses.',
    'Clear them before a probe: env -u …',
  ),
  'env-no-endpoint': error('Nothing tells the SDK where to ask.', 'Set what walletcreds env WORKLOAD prints.'),
  'env-uri-refused': error(
    'The SDK refuses the URI before it asks.',
    'Use http://127.0.0.1:PORT/v1/credentials, the only form that every client takes.',
  ),
  'env-uri-some': warning(
    'Some SDKs refuse this form before they ask.',
    'Use http://127.0.0.1:PORT/v1/credentials, the only form that every client takes.',
  ),
  'env-uri-malformed': error('The SDKs cannot use it.', 'Set what walletcreds env WORKLOAD prints.'),
  'env-both-uris': warning('SDKs take RELATIVE_URI first and ask 169.254.170.2.', 'Set exactly one of the two.'),
  'env-relative-empty': error(
    'An empty variable counts as set with botocore, Rust and Ruby: they ask 169.254.170.2.',
    'Unset it instead of leaving it empty.',
  ),
  'env-both-tokens': error(
    'SDKs disagree on which counts, and the JS v2 and Java ones refuse or mix them up after a rotation.',
    'Set exactly one of AWS_CONTAINER_AUTHORIZATION_TOKEN and …_TOKEN_FILE.',
  ),
  'env-no-token': error(
    'The endpoint answers 401.',
    'Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN.',
  ),
  'env-token-malformed': error(
    'SDKs refuse to send it, or the endpoint answers 401.',
    'Write the token alone: visible ASCII, no newline, no BOM, no quotes.',
  ),
  'env-token-unreadable': error(
    'The SDK fails before it asks.',
    'Mount the file where the application runs, readable for its uid.',
  ),
  'env-token-unknown': warning(
    'The endpoint of this configuration answers 401.',
    'Give it the token_file of its workload.',
  ),
  'env-token-file-only': info(
    "Debian 12's boto3 and awscli, Go v1 and older v2, rclone and restic ignore …_TOKEN_FILE.",
    'For those set AWS_CONTAINER_AUTHORIZATION_TOKEN instead.',
  ),
  'env-quoted': error(
    'docker run --env-file takes everything behind the "=": the SDK gets a URI or a token that begins with a quote.',
    'Write KEY=value without quotes, as walletcreds env does.',
  ),
  'env-uri-path': error(
    'The endpoint answers 404: it has /v1/credentials, and /v2/credentials/ID, without a slash at the end.',
    'Set what walletcreds env WORKLOAD prints.',
  ),
  'env-token-only': info(
    'object_store of Rust (LanceDB, Polars, DataFusion) takes a FULL_URI only together with …_TOKEN_FILE.',
    'For those set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE instead.',
  ),
  'env-proxy': error(
    "Some SDKs ask the proxy for the endpoint: it gets the token, and can't reach the application's own address.",
    'Add the host of the URI to NO_PROXY (and to no_proxy).',
  ),
  'env-one-region': info(
    'botocore and older AWS CLIs read AWS_DEFAULT_REGION, the other SDKs AWS_REGION.',
    'Set both.',
  ),
  'env-imds': info(
    'An SDK that gets nothing from the endpoint may go on to the instance metadata service, and run as the machine.',
    'Set AWS_EC2_METADATA_DISABLED=true for the application, or keep containers from 169.254.169.254.',
  ),
  'env-no-region': warning('Most SDKs fail without a region.', 'Set AWS_REGION and AWS_DEFAULT_REGION.'),
} as const satisfies Record<string, Entry>;

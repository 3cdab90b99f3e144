/**
 * What a workload's container needs in its environment, as variables and as `export` lines.
 *
 * SDKs differ when they see both forms of the token, and some read an empty RELATIVE_URI as one that is set; so there is
 * always one URI and at most one token, and nothing is ever empty.
 *
 * @module
 */

export interface ContainerVariables {
  /** `http://127.0.0.1:9110/v1/credentials`; this or `relativeUri`. */
  readonly fullUri?: string;
  /** `/v2/credentials/<id>`: the id alone authenticates, a token is optional. */
  readonly relativeUri?: string;
  /** The authorization token itself; this or `tokenFile`. */
  readonly token?: string;
  /** Path of the token's file, as the container sees it. */
  readonly tokenFile?: string;
  readonly region: string;
  /** Only where it isn't the region's own STS. */
  readonly stsEndpoint?: string;
  /** Only where S3 is not AWS's. */
  readonly s3Endpoint?: string;
}

/** The variables, in the order in which they are shown. @throws TypeError for none or two of what must be one */
export function variablesFor(options: ContainerVariables): Record<string, string> {
  const { fullUri, relativeUri, token, tokenFile, region, stsEndpoint, s3Endpoint } = options;
  const given = (values: (string | undefined)[]) => values.filter(value => value !== undefined && value !== '').length;
  if (given([fullUri, relativeUri]) !== 1) throw new TypeError('exactly one of fullUri and relativeUri');
  const tokens = given([token, tokenFile]);
  if (tokens > 1 || (tokens === 0 && fullUri)) throw new TypeError('exactly one of token and tokenFile');
  const all = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: fullUri,
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relativeUri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    AWS_REGION: region,
    // awscli and boto3 read this one.
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL_STS: stsEndpoint,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
}

/**
 * The same as lines for a shell, each value quoted where it needs it.
 *
 * @example exportsFor({ fullUri, token, region }).join('\n')
 */
export function exportsFor(options: ContainerVariables): string[] {
  return Object.entries(variablesFor(options)).map(([name, value]) => `export ${name}=${shellQuoted(value)}`);
}

/** As one word of a POSIX shell. */
export function shellQuoted(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

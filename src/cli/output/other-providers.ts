/**
 * Credential providers that an SDK asks before the endpoint, and how a program is kept from them.
 *
 * @module
 */

/** Variables that an SDK reads for credentials before the endpoint, or instead of it. */
export const OTHER_PROVIDERS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_ACCESS_KEY',
  'AWS_SECRET_KEY',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CREDENTIAL_FILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_BEARER_TOKEN_BEDROCK',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
] as const;

/**
 * Files in place of the home folder's, whose default profile comes before the endpoint. A configuration file that was
 * chosen by a variable is kept, since it may hold more than credentials.
 */
export function emptyProfiles(env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    // GDAL knows this name alone.
    CPL_AWS_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: env['AWS_CONFIG_FILE'] || '/dev/null',
  };
}

/**
 * Switches the metadata service off: a client that does not find the endpoint must fail, and not take the node's role.
 * The SDKs heed the first variable, object_store (Polars, DataFusion, delta-rs) the second, GDAL the third.
 *
 * @param form GDAL takes a RELATIVE_URI only while its third variable is not set
 */
export function noMetadataService(form: 'full' | 'relative'): Record<string, string> {
  return {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_METADATA_ENDPOINT: 'http://127.0.0.1:1',
    ...(form === 'full' && { CPL_AWS_EC2_API_ROOT_URL: 'disabled' }),
  };
}

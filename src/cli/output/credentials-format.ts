/**
 * Credentials as a program that reads stdout wants them.
 *
 * @module
 */
import type { Credentials } from '../../credentials/credentials.ts';
import { isoSeconds } from '../../lib/time/iso.ts';

export type CredentialsFormat = 'json' | 'env' | 'process';

/**
 * `json` is the endpoint's own vocabulary, `env` the variables as `export` lines, `process` what
 * `credential_process` in an AWS profile expects (`Version` 1).
 */
export function formatCredentials(credentials: Credentials, format: CredentialsFormat): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const expiration = isoSeconds(credentials.expiration);
  switch (format) {
    case 'json':
      return JSON.stringify({
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiration,
        RoleArn: credentials.roleArn,
        AccountId: credentials.accountId,
      });
    case 'process':
      return JSON.stringify({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: expiration,
      });
    case 'env':
      return Object.entries(staticEnv(credentials))
        .map(([name, value]) => `export ${name}=${value}`)
        .join('\n');
  }
}

/** Credentials as environment variables, for programs that know nothing else. None of the values needs quoting. */
export function staticEnv(credentials: Credentials): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_CREDENTIAL_EXPIRATION: isoSeconds(credentials.expiration),
  };
}

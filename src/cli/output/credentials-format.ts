/**
 * Credentials as text, for a program that reads stdout.
 *
 * @module
 */
import type { Credentials } from '../../credentials/credentials.ts';
import { isoSeconds } from '../../lib/time/iso.ts';
import { envFileText } from './env-file.ts';
import { exportLines } from './shell.ts';

export type CredentialsFormat = 'json' | 'env' | 'docker' | 'process';

/**
 * - `json`: the keys of the endpoint's answer
 * - `env`: `export` lines
 * - `docker`: bare `KEY=value` lines, for `docker run --env-file`
 * - `process`: for `credential_process` in an AWS profile (`Version` 1)
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
      return exportLines(staticEnv(credentials)).join('\n');
    case 'docker':
      return envFileText(staticEnv(credentials)).trimEnd();
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

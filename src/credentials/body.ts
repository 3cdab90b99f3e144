/**
 * Credentials in the one JSON form that every AWS SDK reads.
 *
 * @module
 */
import { ResponseTooLarge } from '../lib/errors.ts';
import { isoSeconds } from '../lib/time/iso.ts';
import type { Credentials } from './credentials.ts';

/** aws-c-auth reads no more. */
export const MAX_BODY_BYTES = 10_000;

/**
 * @returns JSON
 * @throws ResponseTooLarge for more than {@link MAX_BODY_BYTES} bytes
 */
export function credentialsBody(credentials: Credentials): string {
  const { accountId } = credentials;
  const body = JSON.stringify({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: isoSeconds(credentials.expiration),
    RoleArn: credentials.roleArn,
    // Ceph's role ARNs have no account; an empty one would be worse than none.
    ...(accountId === '' ? {} : { AccountId: accountId }),
    Code: 'Success',
    Type: 'AWS-HMAC',
    LastUpdated: isoSeconds(credentials.receivedAt),
  });
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_BODY_BYTES) {
    throw new ResponseTooLarge(
      `the response has ${bytes} bytes and SDKs read ${MAX_BODY_BYTES}: STS gave a session token of ${credentials.sessionToken.length} characters; use fewer or shorter tags, or a smaller session policy`,
    );
  }
  return body;
}

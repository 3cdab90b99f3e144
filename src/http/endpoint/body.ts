/**
 * The endpoint's success response, in the one form that every AWS SDK reads.
 *
 * @module
 */

import type { Credentials } from '../../credentials/credentials.ts';
import { ResponseTooLarge } from '../../lib/errors.ts';
import { type HttpResponse, httpResponse } from '../response.ts';

/** aws-c-auth reads no more. */
export const MAX_BODY_BYTES = 10_000;

/**
 * `YYYY-MM-DDTHH:MM:SSZ`: whole seconds, literal `Z`, rounded down. Swift can't read a fraction and would never refresh.
 *
 * @param ms since the epoch
 */
export function wireDate(ms: number): string {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/**
 * @throws ResponseTooLarge when the body has more than 10,000 bytes
 */
export function credentialsResponse(credentials: Credentials): HttpResponse {
  const { accountId } = credentials;
  const body = JSON.stringify({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: wireDate(credentials.expiration),
    RoleArn: credentials.roleArn,
    // Ceph's role ARNs have no account; an empty one would be worse than none.
    ...(accountId === '' ? {} : { AccountId: accountId }),
    Code: 'Success',
    Type: 'AWS-HMAC',
    LastUpdated: wireDate(credentials.receivedAt),
  });
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_BODY_BYTES) {
    throw new ResponseTooLarge(
      `the response has ${bytes} bytes and SDKs read ${MAX_BODY_BYTES}: STS gave a session token of ${credentials.sessionToken.length} characters; use fewer or shorter tags, or a smaller session policy`,
    );
  }
  return httpResponse(200, 'application/json', body);
}

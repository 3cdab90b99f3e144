/**
 * Signature Version 4, verified: the signature is computed again by `@smithy/signature-v4` with the secret that this
 * emulator handed out, for the headers that the request says it signed. Header form and presigned query form.
 *
 * As the real STS, a stale date is `SignatureDoesNotMatch` with "Signature expired", and a presigned URL is good for
 * 15 minutes whatever its `X-Amz-Expires`.
 *
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { StsError } from './errors.ts';
import type { WireRequest } from './query.ts';
import type { EmulatedSession, SessionStore } from './sessions.ts';
import { type Presented, presentedSignature } from './sigv4-parse.ts';

const SKEW_MS = 15 * 60_000;

const invalidToken = () =>
  new StsError('InvalidClientTokenId', 'The security token included in the request is invalid.');
const mismatch = (message: string) => new StsError('SignatureDoesNotMatch', message);

/** @param now ms since the epoch. @returns the session whose credentials signed. @throws StsError */
export async function verifySignature(
  request: WireRequest,
  store: Pick<SessionStore, 'sessions' | 'secretsOf'>,
  now: number,
): Promise<EmulatedSession> {
  const presented = presentedSignature(request);
  const session = store.sessions.get(presented.accessKeyId);
  const secrets = store.secretsOf(presented.accessKeyId);
  if (session === undefined || secrets === undefined) throw invalidToken();
  if (presented.sessionToken === undefined || !equal(presented.sessionToken, secrets.sessionToken))
    throw invalidToken();
  checkDate(presented, now);
  // The signer takes this header for the body's hash unseen; so it must be true before it is believed.
  const claimed = request.headers['x-amz-content-sha256'];
  if (claimed !== undefined && claimed !== createHash('sha256').update(request.body).digest('hex')) {
    throw mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  const expected = await signatureOf(request, presented, { accessKeyId: session.accessKeyId, ...secrets });
  if (!equal(expected, presented.signature)) {
    throw mismatch(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  if (session.expiresAt <= now) {
    throw new StsError('ExpiredToken', 'The security token included in the request is expired');
  }
  return session;
}

function checkDate({ date, scopeDate, service }: Presented, now: number): void {
  if (service !== 'sts') throw mismatch("Credential should be scoped to correct service: 'sts'. ");
  const stamp = stampOf(date.getTime());
  if (scopeDate !== stamp.slice(0, 8)) {
    throw mismatch('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP');
  }
  if (date.getTime() < now - SKEW_MS) {
    throw mismatch(
      `Signature expired: ${stamp} is now earlier than ${stampOf(now - SKEW_MS)} (${stampOf(now)} - 15 min.)`,
    );
  }
  if (date.getTime() > now + SKEW_MS) {
    throw mismatch(
      `Signature not yet current: ${stamp} is still later than ${stampOf(now + SKEW_MS)} (${stampOf(now)} + 15 min.)`,
    );
  }
}

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/**
 * The signature that a request should carry. A header `x-amz-content-sha256` is taken for the body's hash, so the caller
 * has compared it with the body.
 *
 * @throws StsError where a header is signed and not there
 */
export async function signatureOf(
  request: WireRequest,
  presented: Presented,
  credentials: SigningCredentials,
): Promise<string> {
  const signed = new Set(presented.signedHeaders);
  const headers: Record<string, string> = {};
  for (const name of signed) {
    const value = request.headers[name];
    if (value === undefined) throw mismatch(`The header '${name}' is signed and not there`);
    headers[name] = value;
  }
  const hash = request.headers['x-amz-content-sha256'];
  if (hash !== undefined) headers['x-amz-content-sha256'] = hash;
  const signer = new SignatureV4({
    service: presented.service,
    region: presented.region,
    credentials,
    sha256: Sha256,
    applyChecksum: false,
    // S3 alone signs the path as it is sent.
    uriEscapePath: presented.service !== 's3',
  });
  const { method, path, body } = request;
  const parts = { method, path, headers, body, protocol: 'http:', hostname: request.headers['host'] ?? '' };
  const unsignableHeaders = new Set(Object.keys(headers).filter(name => !signed.has(name)));
  const options = { signingDate: presented.date, signableHeaders: signed, unsignableHeaders };
  if (presented.form === 'header') {
    const result = await signer.sign({ ...parts, query: presented.query }, options);
    return /Signature=([0-9a-f]{64})$/.exec(result.headers['authorization'] ?? '')?.[1] ?? '';
  }
  const result = await signer.presign(
    { ...parts, query: presented.query },
    { ...options, expiresIn: presented.expires, unhoistableHeaders: new Set([...signed, 'x-amz-content-sha256']) },
  );
  return String(result.query?.['X-Amz-Signature']);
}

export function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** `20260102T030405Z` */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+|[-:]/g, '');
}

type Data = string | ArrayBuffer | ArrayBufferView;
const bytes = (data: Data): string | Uint8Array =>
  typeof data === 'string'
    ? data
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);

/** SHA-256, or HMAC when made with a secret, in the shape that the signer asks for. */
class Sha256 {
  readonly #hash;

  constructor(secret?: Data) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: Data): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/**
 * Who signed a request to S3, and the body that the signature covers.
 *
 * Credentials are those of the STS emulator's sessions. A request without a signature is anonymous, which is no error yet:
 * a bucket's policy may let everybody in.
 *
 * @module
 */
import { createHash, createHmac } from 'node:crypto';
import { StsError } from '../errors.ts';
import type { EmulatedSession, SessionStore } from '../sessions.ts';
import { equal, type SigningCredentials, signatureOf } from '../sigv4.ts';
import { isSigned, type Presented, presentedSignature } from '../sigv4-parse.ts';
import { type Chunked, type ChunkSigner, decodeChunked } from './chunked.ts';
import { S3Error } from './errors.ts';
import { type S3Request, wireRequest } from './request.ts';

const SKEW_MS = 15 * 60_000;
const STREAMING = /^STREAMING-(AWS4-HMAC-SHA256-PAYLOAD|UNSIGNED-PAYLOAD)(-TRAILER)?$/;

export type Sessions = Pick<SessionStore, 'sessions' | 'secretsOf'>;

export interface Signed extends Chunked {
  /** Undefined for an anonymous request. */
  readonly session: EmulatedSession | undefined;
}

/** @param now ms since the epoch. @throws S3Error */
export async function authenticate(request: S3Request, store: Sessions, now: number): Promise<Signed> {
  const wire = wireRequest(request);
  if (!isSigned(wire)) return { session: undefined, ...bodyOf(request, undefined) };
  const presented = asS3(() => presentedSignature(wire));
  if (presented.service !== 's3') {
    throw new S3Error('AuthorizationHeaderMalformed', "The credential must be scoped to the service 's3'.");
  }
  const session = store.sessions.get(presented.accessKeyId);
  const secrets = store.secretsOf(presented.accessKeyId);
  if (session === undefined || secrets === undefined) {
    throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  }
  if (presented.sessionToken === undefined || !equal(presented.sessionToken, secrets.sessionToken)) {
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  checkTime(presented, now);
  const credentials = { accessKeyId: session.accessKeyId, ...secrets };
  // A presigned URL without a hash leaves the body unsigned.
  const hash = request.headers['x-amz-content-sha256'] ?? (presented.form === 'query' ? 'UNSIGNED-PAYLOAD' : undefined);
  if (hash === undefined) throw new S3Error('InvalidRequest', 'Missing required header: x-amz-content-sha256');
  const signed = { ...wire, headers: { ...wire.headers, 'x-amz-content-sha256': hash } };
  const expected = await signatureOf(signed, presented, credentials).catch(error => asS3(() => Promise.reject(error)));
  if (!equal(String(expected), presented.signature)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  }
  if (session.expiresAt <= now) throw new S3Error('ExpiredToken', 'The provided token has expired.');
  return { session, ...bodyOf(request, chunkSigner(presented, credentials)) };
}

function checkTime({ form, date, scopeDate, expires }: Presented, now: number): void {
  const sent = date.getTime();
  const [earliest, latest] =
    form === 'query' ? [sent - SKEW_MS, sent + expires * 1000] : [sent - SKEW_MS, sent + SKEW_MS];
  if (now >= earliest && now <= latest && scopeDate === stampOf(date).slice(0, 8)) return;
  if (form === 'query') throw new S3Error('AccessDenied', 'Request has expired');
  throw new S3Error(
    'RequestTimeTooSkewed',
    'The difference between the request time and the current time is too large.',
  );
}

/** The body that the client meant: hashed, unsigned or in chunks. @throws S3Error */
function bodyOf({ headers, body }: S3Request, signer: ChunkSigner | undefined): Chunked {
  const hash = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  const streaming = STREAMING.exec(hash);
  if (streaming !== null) {
    const chunked = decodeChunked(body, streaming[1] === 'UNSIGNED-PAYLOAD' ? undefined : signer);
    const length = headers['x-amz-decoded-content-length'];
    if (length !== undefined && Number(length) !== chunked.body.length) {
      throw new S3Error('IncompleteBody', 'You did not provide the number of bytes specified by the decoded length');
    }
    return chunked;
  }
  if (hash !== 'UNSIGNED-PAYLOAD' && hash.toLowerCase() !== createHash('sha256').update(body).digest('hex')) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  return { body, trailers: new Map() };
}

function chunkSigner(presented: Presented, { secretAccessKey }: SigningCredentials): ChunkSigner {
  const { scopeDate, region, service, signature, date } = presented;
  const key = [scopeDate, region, service, 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const scope = `${scopeDate}/${region}/${service}/aws4_request`;
  return { key: Buffer.from(key), stamp: stampOf(date), scope, seed: signature };
}

const stampOf = (date: Date): string => date.toISOString().replace(/\.\d+|[-:]/g, '');

/** The parser of signatures speaks STS's codes. */
function asS3<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StsError)) throw error;
    const code = error.code === 'SignatureDoesNotMatch' ? error.code : 'AuthorizationHeaderMalformed';
    throw new S3Error(code, error.message);
  }
}

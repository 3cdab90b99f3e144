/**
 * Bodies in `aws-chunked` form: chunks with or without a signature each, and trailers behind the last one.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 *
 * @module
 */
import { createHash, createHmac } from 'node:crypto';
import { S3Error } from './errors.ts';

/** What signs the chunks: the key derived for day, region and service, and the request's own signature to begin with. */
export interface ChunkSigner {
  readonly key: Buffer;
  /** `20260102T030405Z` */
  readonly stamp: string;
  /** `20260102/us-east-1/s3/aws4_request` */
  readonly scope: string;
  readonly seed: string;
}

export interface Chunked {
  readonly body: Buffer;
  /** Lower-case names. */
  readonly trailers: ReadonlyMap<string, string>;
}

const EMPTY = createHash('sha256').digest('hex');
const incomplete = () => new S3Error('IncompleteBody', 'The request body is not in the aws-chunked form it claims');

/** @param signer absent where the chunks are unsigned. @throws S3Error */
export function decodeChunked(raw: Buffer, signer: ChunkSigner | undefined): Chunked {
  const parts: Buffer[] = [];
  let previous = signer?.seed ?? '';
  let at = 0;
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    if (end < 0 || end - at > 200) throw incomplete();
    const header = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(raw.toString('latin1', at, end));
    if (header === null) throw incomplete();
    const size = Number.parseInt(header[1] ?? '', 16);
    const chunk = raw.subarray(end + 2, end + 2 + size);
    if (chunk.length < size) throw incomplete();
    if (signer !== undefined) {
      const expected = chunkSignature(signer, previous, chunk);
      if (header[2] !== expected)
        throw new S3Error('SignatureDoesNotMatch', 'The signature of a chunk does not match.');
      previous = expected;
    }
    at = end + 2 + size;
    if (size === 0) break;
    if (raw.toString('latin1', at, at + 2) !== '\r\n') throw incomplete();
    at += 2;
    parts.push(chunk);
  }
  return { body: Buffer.concat(parts), trailers: trailersOf(raw.toString('latin1', at)) };
}

function chunkSignature({ key, stamp, scope }: ChunkSigner, previous: string, chunk: Buffer): string {
  const hash = createHash('sha256').update(chunk).digest('hex');
  const text = ['AWS4-HMAC-SHA256-PAYLOAD', stamp, scope, previous, EMPTY, hash].join('\n');
  return createHmac('sha256', key).update(text).digest('hex');
}

function trailersOf(text: string): Map<string, string> {
  const trailers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return trailers;
}

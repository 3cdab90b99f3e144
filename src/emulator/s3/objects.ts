/**
 * Objects: read with ranges and conditions, written with checks of their digests, copied, deleted.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { noSuchKey, S3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import type { Signed } from './signature.ts';
import type { Bucket, Store, StoredHeaders, StoredObject } from './store.ts';
import { md5 } from './store.ts';
import { documentXml } from './xml.ts';

/** An answer before it's a `Response`. */
export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const KEPT =
  /^(content-(type|disposition|encoding|language)|cache-control|expires|x-amz-meta-[\w.-]+|x-amz-storage-class|x-amz-website-redirect-location)$/;

/** The headers of a write that stay with the object. `aws-chunked` describes the transfer, not the object. */
export function keptHeaders(headers: S3Request['headers']): StoredHeaders {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (KEPT.test(name)) kept[name] = value;
  const encoding = kept['content-encoding']
    ?.split(',')
    .map(part => part.trim())
    .filter(part => part !== 'aws-chunked')
    .join(',');
  delete kept['content-encoding'];
  if (encoding) kept['content-encoding'] = encoding;
  return kept;
}

export function getObject(request: S3Request, object: StoredObject): S3Answer {
  const { headers, method } = request;
  const conditional = preconditions(headers, object);
  if (conditional !== undefined) return conditional;
  const shown: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    ...object.headers,
    etag: object.etag,
    'last-modified': new Date(object.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  };
  for (const [name, value] of request.query) {
    const override =
      /^response-(content-type|content-disposition|content-encoding|content-language|cache-control|expires)$/.exec(
        name,
      );
    if (override?.[1] !== undefined) shown[override[1]] = value;
  }
  const range = rangeOf(headers['range'], object.body.length);
  const body = range === undefined ? object.body : object.body.subarray(range.from, range.to + 1);
  shown['content-length'] = String(body.length);
  if (range !== undefined) shown['content-range'] = `bytes ${range.from}-${range.to}/${object.body.length}`;
  return { status: range === undefined ? 200 : 206, headers: shown, ...(method === 'HEAD' ? {} : { body }) };
}

function preconditions(headers: S3Request['headers'], { etag, modifiedAt }: StoredObject): S3Answer | undefined {
  const names = (list: string) => list.split(',').some(tag => tag.trim() === '*' || tag.trim() === etag);
  const since = (date: string) => Date.parse(date) >= modifiedAt;
  const [match, none] = [headers['if-match'], headers['if-none-match']];
  const [modified, unmodified] = [headers['if-modified-since'], headers['if-unmodified-since']];
  if (match !== undefined ? !names(match) : unmodified !== undefined && !since(unmodified)) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  if (none !== undefined ? names(none) : modified !== undefined && since(modified)) {
    return { status: 304, headers: { etag } };
  }
  return undefined;
}

/** One range of bytes; a header that is none is ignored, as RFC 9110 wants. @throws S3Error `InvalidRange` */
function rangeOf(header: string | undefined, size: number): { from: number; to: number } | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (parts === null) return undefined;
  const [, first = '', last = ''] = parts;
  if (first === '' && last === '') return undefined;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < from) return undefined;
  if (from >= size || (first === '' && Number(last) === 0)) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable');
  }
  return { from, to };
}

export function putObject(store: Store, bucket: Bucket, key: string, request: S3Request, signed: Signed): S3Answer {
  checkDigests(request.headers, signed);
  checkWriteConditions(request.headers, bucket.objects.get(key));
  const { etag } = store.put(bucket, key, signed.body, keptHeaders(request.headers));
  return { status: 200, headers: { etag } };
}

/** `If-None-Match: *` writes only where nothing is; `If-Match` only over the object that was seen. */
function checkWriteConditions(headers: S3Request['headers'], existing: StoredObject | undefined): void {
  const match = headers['if-match'];
  if (match !== undefined && existing === undefined) throw noSuchKey();
  if (
    (headers['if-none-match'] === '*' && existing !== undefined) ||
    (match !== undefined && match !== existing?.etag)
  ) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
}

/** Compares the digests that came along. CRC-32C and CRC-64/NVME are taken unseen. @throws S3Error `BadDigest` */
export function checkDigests(headers: S3Request['headers'], { body, trailers }: Signed): void {
  const claimed = headers['content-md5'];
  if (claimed !== undefined) {
    const digest = Buffer.from(claimed, 'base64');
    if (digest.length !== 16) throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.');
    if (!digest.equals(md5(body))) throw badDigest('Content-MD5');
  }
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  const known = { crc32: crc, sha1: hash('sha1', body), sha256: hash('sha256', body) };
  for (const [name, digest] of Object.entries(known)) {
    const header = `x-amz-checksum-${name}`;
    const value = headers[header] ?? trailers.get(header);
    if (value !== undefined && value !== digest.toString('base64')) throw badDigest(name.toUpperCase());
  }
}

const hash = (algorithm: string, body: Buffer) => createHash(algorithm).update(body).digest();
const badDigest = (name: string) =>
  new S3Error('BadDigest', `The ${name} you specified did not match the calculated checksum.`);

export function copyObject(
  store: Store,
  bucket: Bucket,
  key: string,
  request: S3Request,
  source: StoredObject,
): S3Answer {
  const replace = request.headers['x-amz-metadata-directive'] === 'REPLACE';
  const kept = replace ? keptHeaders(request.headers) : source.headers;
  const { etag, modifiedAt } = store.put(bucket, key, source.body, kept);
  const body = documentXml('CopyObjectResult', { ETag: etag, LastModified: new Date(modifiedAt).toISOString() });
  return { status: 200, body };
}

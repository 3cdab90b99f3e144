/**
 * Uploads in parts: begun, filled, listed, completed or taken back.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { elements, textOf } from '../../lib/xml.ts';
import { S3Error } from './errors.ts';
import { checkDigests, keptHeaders, type S3Answer } from './objects.ts';
import type { S3Request } from './request.ts';
import type { Signed } from './signature.ts';
import type { Bucket, Store, StoredObject, Upload } from './store.ts';
import { documentXml } from './xml.ts';

const LEAST_PART_BYTES = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;

export function createUpload(store: Store, bucket: Bucket, key: string, request: S3Request): S3Answer {
  const { id } = store.startUpload(bucket, key, keptHeaders(request.headers));
  const body = documentXml('InitiateMultipartUploadResult', { Bucket: bucket.name, Key: key, UploadId: id });
  return { status: 200, body };
}

export function uploadPart(store: Store, upload: Upload, request: S3Request, signed: Signed): S3Answer {
  checkDigests(request.headers, signed);
  const { etag } = store.putPart(upload, partNumber(request), signed.body);
  return { status: 200, headers: { etag } };
}

export function uploadPartCopy(store: Store, upload: Upload, request: S3Request, source: StoredObject): S3Answer {
  const range = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(request.headers['x-amz-copy-source-range'] ?? '');
  const body = range === null ? source.body : source.body.subarray(Number(range[1]), Number(range[2]) + 1);
  const { etag, modifiedAt } = store.putPart(upload, partNumber(request), body);
  const copied = { ETag: etag, LastModified: new Date(modifiedAt).toISOString() };
  return { status: 200, body: documentXml('CopyPartResult', copied) };
}

export function listParts(bucket: Bucket, upload: Upload): S3Answer {
  const body = documentXml('ListPartsResult', {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    IsTruncated: false,
    Part: [...upload.parts]
      .sort(([a], [b]) => a - b)
      .map(([number, { etag, body: part, modifiedAt }]) => ({
        PartNumber: number,
        LastModified: new Date(modifiedAt).toISOString(),
        ETag: etag,
        Size: part.length,
      })),
  });
  return { status: 200, body };
}

/** The parts that the request names become the object; the others are forgotten. @throws S3Error */
export function completeUpload(store: Store, bucket: Bucket, upload: Upload, signed: Signed): S3Answer {
  const named = partsOf(signed.body.toString('utf8'));
  if (named.some(({ number }, index) => index > 0 && number <= (named[index - 1]?.number ?? 0))) {
    throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order.');
  }
  const parts = named.map(({ number, etag }, index) => {
    const part = upload.parts.get(number);
    if (part === undefined || part.etag.replaceAll('"', '') !== etag) {
      throw new S3Error('InvalidPart', 'One or more of the specified parts could not be found.');
    }
    if (index < named.length - 1 && part.body.length < LEAST_PART_BYTES) {
      throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
    }
    return part;
  });
  const digests = Buffer.concat(parts.map(part => Buffer.from(part.etag.replaceAll('"', ''), 'hex')));
  const etag = `"${createHash('md5').update(digests).digest('hex')}-${parts.length}"`;
  const whole = Buffer.concat(parts.map(part => part.body));
  store.endUpload(bucket, upload);
  store.put(bucket, upload.key, whole, upload.headers, etag);
  const body = documentXml('CompleteMultipartUploadResult', { Bucket: bucket.name, Key: upload.key, ETag: etag });
  return { status: 200, body };
}

function partNumber({ query }: S3Request): number {
  const number = Number(query.get('partNumber'));
  if (Number.isInteger(number) && number >= 1 && number <= MOST_PARTS) return number;
  throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
}

/** `<Part><PartNumber>1</PartNumber><ETag>"…"</ETag></Part>`, in any order of elements. */
function partsOf(xml: string): { number: number; etag: string }[] {
  const found = elements(xml, 'Part').map(part => ({
    number: Number(textOf(part, 'PartNumber')),
    etag: (textOf(part, 'ETag') ?? '').replaceAll('"', ''),
  }));
  if (found.length === 0 || found.some(({ number }) => Number.isNaN(number))) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate');
  }
  return found;
}

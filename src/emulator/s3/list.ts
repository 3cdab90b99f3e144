/**
 * Listing: keys in the order of their UTF-8 bytes, with prefix, delimiter and pages, in both versions of the call.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 *
 * @module
 */
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import type { Bucket, StoredObject } from './store.ts';
import { documentXml, type XmlElements } from './xml.ts';

const MOST_KEYS = 1000;

interface Page {
  readonly objects: readonly (readonly [key: string, object: StoredObject])[];
  readonly prefixes: readonly string[];
  /** The last key or common prefix of the page, where there is more. */
  readonly next: string | undefined;
}

interface Asked {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Keys and common prefixes up to this one are left out. */
  readonly after: string;
  readonly encode: (text: string) => string;
  readonly encoding: string | undefined;
}

export function listObjects(request: S3Request, bucket: Bucket): string {
  const { query } = request;
  const asked = askedOf(query, query.get('marker') ?? '');
  const page = pageOf(bucket, asked);
  return documentXml('ListBucketResult', {
    ...common(bucket, asked, page),
    Marker: asked.encode(asked.after),
    NextMarker: page.next === undefined || asked.delimiter === '' ? undefined : asked.encode(page.next),
    ...entries(asked, page, true),
  });
}

export function listObjectsV2(request: S3Request, bucket: Bucket): string {
  const { query } = request;
  const token = query.get('continuation-token');
  const asked = askedOf(query, token === undefined ? (query.get('start-after') ?? '') : fromToken(token));
  const page = pageOf(bucket, asked);
  const start = query.get('start-after');
  return documentXml('ListBucketResult', {
    ...common(bucket, asked, page),
    KeyCount: page.objects.length + page.prefixes.length,
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
    StartAfter: start === undefined ? undefined : asked.encode(start),
    ...entries(asked, page, query.get('fetch-owner') === 'true'),
  });
}

/** Buckets here have no versions: each object is the only one of its key. */
export function listVersions(request: S3Request, bucket: Bucket): string {
  const asked = askedOf(request.query, request.query.get('key-marker') ?? '');
  const page = pageOf(bucket, asked);
  const { Contents, CommonPrefixes } = entries(asked, page, true);
  return documentXml('ListVersionsResult', {
    ...common(bucket, asked, page),
    KeyMarker: asked.encode(asked.after),
    NextKeyMarker: page.next === undefined ? undefined : asked.encode(page.next),
    Version: Contents.map(object => ({ ...object, VersionId: 'null', IsLatest: true })),
    CommonPrefixes,
  });
}

export function listUploads(request: S3Request, bucket: Bucket): string {
  const { prefix, encode } = askedOf(request.query, '');
  const uploads = [...bucket.uploads.values()].filter(({ key }) => key.startsWith(prefix));
  return documentXml('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    Prefix: encode(prefix),
    IsTruncated: false,
    Upload: uploads.map(({ id, key, startedAt }) => ({
      Key: encode(key),
      UploadId: id,
      Initiated: new Date(startedAt).toISOString(),
      StorageClass: 'STANDARD',
    })),
  });
}

function askedOf(query: S3Request['query'], after: string): Asked {
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  }
  const text = query.get('max-keys') ?? String(MOST_KEYS);
  if (!/^\d{1,9}$/.test(text)) {
    throw new S3Error('InvalidArgument', 'Provided max-keys not an integer or within integer range');
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: Math.min(Number(text), MOST_KEYS),
    after,
    encoding,
    encode: encoding === undefined ? value => value : value => encodeURIComponent(value).replaceAll('%2F', '/'),
  };
}

function fromToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (Buffer.from(text).toString('base64url') === token) return text;
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect');
}

function pageOf(bucket: Bucket, { prefix, delimiter, maxKeys, after }: Asked): Page {
  const objects: [string, StoredObject][] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  if (maxKeys === 0) return { objects, prefixes, next: undefined };
  for (const [key, object] of sorted(bucket.objects)) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = end < 0 ? key : key.slice(0, end + delimiter.length);
    if (after !== '' && Buffer.compare(Buffer.from(entry), Buffer.from(after)) <= 0) continue;
    if (end >= 0 && prefixes.at(-1) === entry) continue;
    if (objects.length + prefixes.length === maxKeys) return { objects, prefixes, next: last };
    if (end < 0) objects.push([key, object]);
    else prefixes.push(entry);
    last = entry;
  }
  return { objects, prefixes, next: undefined };
}

/** S3's order is that of UTF-8, which isn't that of JavaScript's strings. */
function sorted(objects: ReadonlyMap<string, StoredObject>): [string, StoredObject][] {
  const keyed = [...objects].map(entry => ({ bytes: Buffer.from(entry[0]), entry }));
  return keyed.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ entry }) => entry);
}

function common(bucket: Bucket, { prefix, delimiter, maxKeys, encode, encoding }: Asked, { next }: Page): XmlElements {
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: encoding,
    IsTruncated: next !== undefined,
  };
}

function entries({ encode }: Asked, { objects, prefixes }: Page, owner: boolean) {
  return {
    Contents: objects.map(([key, { etag, body, modifiedAt }]) => ({
      Key: encode(key),
      LastModified: new Date(modifiedAt).toISOString(),
      ETag: etag,
      Size: body.length,
      ...(owner ? { Owner: { ID: 'walletcreds', DisplayName: 'walletcreds' } } : {}),
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: prefixes.map(prefix => ({ Prefix: encode(prefix) })),
  };
}

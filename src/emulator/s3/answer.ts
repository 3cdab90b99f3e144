/**
 * One request to S3: signature, permission, operation, in this order, as in S3.
 *
 * @module
 */
import { decoded, elements, textOf } from '../../lib/xml.ts';
import { type Account, isAllowed, requirePermission } from './authorize.ts';
import { noSuchKey, notImplemented, S3Error } from './errors.ts';
import { listObjects, listObjectsV2, listUploads, listVersions } from './list.ts';
import { completeUpload, createUpload, listParts, uploadPart, uploadPartCopy } from './multipart.ts';
import { checkDigests, copyObject, getObject, putObject, type S3Answer } from './objects.ts';
import { copySource, operationOf } from './operation.ts';
import type { S3Request } from './request.ts';
import { authenticate, type Sessions, type Signed } from './signature.ts';
import type { Bucket, Store, StoredObject } from './store.ts';
import { documentXml, locationXml } from './xml.ts';

export interface Surroundings {
  readonly store: Store;
  readonly account: Account;
  readonly sessions: Sessions;
  /** ms since the epoch. */
  readonly now: number;
}

interface Authorized extends Surroundings {
  readonly request: S3Request;
  readonly signed: Signed;
}

/** @throws S3Error */
export async function answerS3(request: S3Request, around: Surroundings): Promise<S3Answer> {
  const signed = await authenticate(request, around.sessions, around.now);
  const authorized: Authorized = { ...around, request, signed };
  const { name, permissions } = operationOf(request);
  for (const permission of permissions) {
    requirePermission(around.account, signed.session, request, permission, around.now);
  }
  if (request.bucket === undefined) return listBuckets(around.store);
  const bucket = around.store.bucket(request.bucket);
  if (request.key === undefined) return bucketAnswer(name, bucket, authorized);
  return objectAnswer(name, bucket, request.key, authorized);
}

function listBuckets({ buckets }: Store): S3Answer {
  const Bucket = buckets.map(({ name }) => ({ Name: name, CreationDate: '2026-01-01T00:00:00.000Z' }));
  return xml(documentXml('ListAllMyBucketsResult', { Owner: { ID: 'walletcreds' }, Buckets: { Bucket } }));
}

function bucketAnswer(name: string, bucket: Bucket, authorized: Authorized): S3Answer {
  const { request, account } = authorized;
  switch (name) {
    case 'HeadBucket':
      return { status: 200, headers: { 'x-amz-bucket-region': account.region } };
    case 'GetBucketLocation':
      return xml(locationXml(account.region));
    case 'GetBucketVersioning':
      return xml(documentXml('VersioningConfiguration', {}));
    case 'ListObjects':
      return xml(listObjects(request, bucket));
    case 'ListObjectsV2':
      return xml(listObjectsV2(request, bucket));
    case 'ListObjectVersions':
      return xml(listVersions(request, bucket));
    case 'ListMultipartUploads':
      return xml(listUploads(request, bucket));
    case 'DeleteObjects':
      return deleteObjects(bucket, authorized);
    default:
      throw notImplemented(name);
  }
}

function objectAnswer(name: string, bucket: Bucket, key: string, authorized: Authorized): S3Answer {
  const { request, signed, store } = authorized;
  const upload = () => store.upload(bucket, key, request.query.get('uploadId') ?? '');
  switch (name) {
    case 'GetObject':
    case 'HeadObject':
      return getObject(request, existing(bucket, key, authorized));
    case 'PutObject':
      return putObject(store, bucket, key, request, signed);
    case 'CopyObject':
      return copyObject(store, bucket, key, request, sourceOf(authorized));
    case 'DeleteObject':
      store.delete(bucket, key);
      return { status: 204 };
    case 'CreateMultipartUpload':
      return createUpload(store, bucket, key, request);
    case 'UploadPart':
      return uploadPart(store, upload(), request, signed);
    case 'UploadPartCopy':
      return uploadPartCopy(store, upload(), request, sourceOf(authorized));
    case 'ListParts':
      return listParts(bucket, upload());
    case 'CompleteMultipartUpload':
      return completeUpload(store, bucket, upload(), signed);
    case 'AbortMultipartUpload':
      store.endUpload(bucket, upload());
      return { status: 204 };
    default:
      throw notImplemented(name);
  }
}

/** An object that isn't there is `NoSuchKey` only to those who may list the bucket. */
function existing(bucket: Bucket, key: string, { account, signed, request, now }: Authorized): StoredObject {
  const object = bucket.objects.get(key);
  if (object !== undefined) return object;
  const permission = { action: 's3:ListBucket', bucket: bucket.name } as const;
  if (isAllowed(account, signed.session, request, permission, now)) throw noSuchKey();
  throw new S3Error('AccessDenied', 'Access Denied');
}

function sourceOf(authorized: Authorized): StoredObject {
  const { bucket, key } = copySource(authorized.request.headers['x-amz-copy-source'] ?? '');
  return existing(authorized.store.bucket(bucket), key, authorized);
}

/** Each key is authorized on its own, and the response names what happened to each. */
function deleteObjects(bucket: Bucket, { account, signed, request, store, now }: Authorized): S3Answer {
  checkDigests(request.headers, signed);
  const text = signed.body.toString('utf8');
  const keys = elements(text, 'Key').map(decoded);
  if (keys.length === 0 || keys.length > 1000) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate');
  }
  const [Deleted, failed]: [{ Key: string }[], { Key: string; Code: string; Message: string }[]] = [[], []];
  for (const key of keys) {
    if (isAllowed(account, signed.session, request, { action: 's3:DeleteObject', key }, now)) {
      store.delete(bucket, key);
      Deleted.push({ Key: key });
    } else failed.push({ Key: key, Code: 'AccessDenied', Message: 'Access Denied' });
  }
  const quiet = textOf(text, 'Quiet') === 'true';
  return xml(documentXml('DeleteResult', { ...(quiet ? {} : { Deleted }), Error: failed }));
}

const xml = (body: string): S3Answer => ({ status: 200, body });

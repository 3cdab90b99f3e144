/**
 * Which operation a request is, and what it must be allowed to do.
 *
 * The permissions are those of AWS's service authorization reference, operation by operation.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 *
 * @module
 */
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';

/** One permission: an action on the bucket, or on an object. */
export interface Permission {
  readonly action: `s3:${string}`;
  /** Absent for what is asked of the bucket. */
  readonly key?: string;
  /** Another bucket than the request's: the source of a copy. */
  readonly bucket?: string;
}

export interface Operation {
  readonly name: string;
  /** All of them must be allowed. Empty for `DeleteObjects`, whose keys are in its body. */
  readonly permissions: readonly Permission[];
}

/** Subresources of a bucket, and of an object, that the emulator authorizes and doesn't have. */
const BUCKET_ASPECTS: Readonly<Record<string, string>> = {
  accelerate: 'AccelerateConfiguration',
  acl: 'BucketAcl',
  analytics: 'AnalyticsConfiguration',
  cors: 'BucketCORS',
  encryption: 'EncryptionConfiguration',
  'intelligent-tiering': 'IntelligentTieringConfiguration',
  inventory: 'InventoryConfiguration',
  lifecycle: 'LifecycleConfiguration',
  logging: 'BucketLogging',
  metrics: 'MetricsConfiguration',
  notification: 'BucketNotification',
  'object-lock': 'BucketObjectLockConfiguration',
  ownershipControls: 'BucketOwnershipControls',
  policy: 'BucketPolicy',
  policyStatus: 'BucketPolicyStatus',
  publicAccessBlock: 'BucketPublicAccessBlock',
  replication: 'ReplicationConfiguration',
  requestPayment: 'BucketRequestPayment',
  tagging: 'BucketTagging',
  versioning: 'BucketVersioning',
  website: 'BucketWebsite',
};
const OBJECT_ASPECTS: Readonly<Record<string, string>> = {
  acl: 'ObjectAcl',
  attributes: 'ObjectAttributes',
  'legal-hold': 'ObjectLegalHold',
  retention: 'ObjectRetention',
  tagging: 'ObjectTagging',
  torrent: 'ObjectTorrent',
};
const PREFIXES: Readonly<Record<string, string>> = { GET: 'Get', HEAD: 'Get', PUT: 'Put', DELETE: 'Delete' };

/** @throws S3Error `MethodNotAllowed`, `InvalidArgument` */
export function operationOf(request: S3Request): Operation {
  if (request.bucket === undefined) {
    if (request.method !== 'GET') throw methodNotAllowed();
    return { name: 'ListBuckets', permissions: [{ action: 's3:ListAllMyBuckets' }] };
  }
  return request.key === undefined ? bucketOperation(request) : objectOperation(request, request.key);
}

function bucketOperation({ method, query }: S3Request): Operation {
  const has = (name: string) => query.has(name);
  const of = (name: string, action: Permission['action']): Operation => ({ name, permissions: [{ action }] });
  const aspect = Object.keys(BUCKET_ASPECTS).find(has);
  if (aspect !== undefined) return aspectOperation(method, BUCKET_ASPECTS[aspect] ?? '', {});
  if (method === 'HEAD') return of('HeadBucket', 's3:ListBucket');
  if (method === 'POST' && has('delete')) return { name: 'DeleteObjects', permissions: [] };
  if (method === 'PUT') return of('CreateBucket', 's3:CreateBucket');
  if (method === 'DELETE') return of('DeleteBucket', 's3:DeleteBucket');
  if (method !== 'GET') throw methodNotAllowed();
  if (has('location')) return of('GetBucketLocation', 's3:GetBucketLocation');
  if (has('uploads')) return of('ListMultipartUploads', 's3:ListBucketMultipartUploads');
  if (has('versions')) return of('ListObjectVersions', 's3:ListBucketVersions');
  return of(query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects', 's3:ListBucket');
}

function objectOperation({ method, query, headers }: S3Request, key: string): Operation {
  const has = (name: string) => query.has(name);
  const version = has('versionId') ? 'Version' : '';
  const of = (name: string, ...actions: Permission['action'][]): Operation => ({
    name,
    permissions: actions.map(action => ({ action, key })),
  });
  const aspect = Object.keys(OBJECT_ASPECTS).find(has);
  if (aspect !== undefined) return aspectOperation(method, OBJECT_ASPECTS[aspect] ?? '', { key });
  if (method === 'GET' && has('uploadId')) return of('ListParts', 's3:ListMultipartUploadParts');
  if (method === 'GET' || method === 'HEAD')
    return of(`${method === 'GET' ? 'Get' : 'Head'}Object`, `s3:GetObject${version}`);
  if (method === 'DELETE' && has('uploadId')) return of('AbortMultipartUpload', 's3:AbortMultipartUpload');
  if (method === 'DELETE') return of('DeleteObject', `s3:DeleteObject${version}`);
  if (method === 'POST' && has('uploads')) return writing('CreateMultipartUpload', headers, key);
  if (method === 'POST' && has('uploadId')) return of('CompleteMultipartUpload', 's3:PutObject');
  if (method !== 'PUT') throw methodNotAllowed();
  const source = headers['x-amz-copy-source'];
  const part = has('uploadId') ? 'Part' : 'Object';
  if (source === undefined)
    return part === 'Part' ? of('UploadPart', 's3:PutObject') : writing('PutObject', headers, key);
  const read = { action: 's3:GetObject', ...copySource(source) } as const;
  const write = part === 'Part' ? of('UploadPartCopy', 's3:PutObject') : writing('CopyObject', headers, key);
  return { name: write.name, permissions: [read, ...write.permissions] };
}

/** Writing with an ACL or with tags takes the permission for those as well. */
function writing(name: string, headers: S3Request['headers'], key: string): Operation {
  const acl = Object.keys(headers).some(header => header === 'x-amz-acl' || header.startsWith('x-amz-grant-'));
  const actions: Permission['action'][] = ['s3:PutObject'];
  if (acl) actions.push('s3:PutObjectAcl');
  if (headers['x-amz-tagging'] !== undefined) actions.push('s3:PutObjectTagging');
  return { name, permissions: actions.map(action => ({ action, key })) };
}

function aspectOperation(method: string, aspect: string, place: { key?: string }): Operation {
  const prefix = PREFIXES[method];
  if (prefix === undefined) throw methodNotAllowed();
  return { name: `${prefix}${aspect}`, permissions: [{ action: `s3:${prefix}${aspect}`, ...place }] };
}

/** `/bucket/key` or `bucket/key`, encoded. @throws S3Error `InvalidArgument` */
export function copySource(header: string): { bucket: string; key: string } {
  const [path = ''] = header.split('?');
  let text: string;
  try {
    text = decodeURIComponent(path).replace(/^\//, '');
  } catch {
    text = '';
  }
  const slash = text.indexOf('/');
  if (slash < 1 || slash === text.length - 1) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  }
  return { bucket: text.slice(0, slash), key: text.slice(slash + 1) };
}

const methodNotAllowed = () =>
  new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.');

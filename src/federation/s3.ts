/**
 * The two S3 calls of the acceptance walk, and what their answers mean. An answer counts only if it is S3's own: a proxy's
 * page with status 403 is not a refusal, and one with status 200 is not a listing.
 *
 * @module
 */
import { masked } from '../log.ts';
import { OutboundError, type OutboundResponse } from '../outbound.ts';
import type { Send } from './check-issuer.ts';
import { type AwsKeys, sendSigned } from './signed.ts';
import { decoded, elements, textOf } from './xml.ts';

export interface Store {
  readonly bucket: string;
  readonly region: string;
  /** Of another S3 than AWS's. */
  readonly endpointUrl?: string | undefined;
  readonly partition?: string | undefined;
  readonly caFile?: string | undefined;
  readonly allowInsecureHttp?: boolean;
  readonly send?: Send | undefined;
}

/** What S3 said. */
export type S3Answer =
  | { readonly kind: 'listed'; readonly keys: readonly string[] }
  | { readonly kind: 'got' }
  /** S3's AccessDenied, nothing else. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'no-such-key' }
  | { readonly kind: 'unclear'; readonly problem: S3Problem; readonly detail: string };

/** Why a step says nothing about the isolation; also an anchor in docs/symptoms.md. */
export type S3Problem =
  | 'verify-region'
  | 'verify-no-bucket'
  | 'verify-not-s3'
  | 'verify-credentials'
  | 'verify-unreachable';

/** Virtual-hosted style, but for names with dots (no certificate covers them) and other stores than AWS's. */
export function objectUrl(store: Store, key: string, query: Readonly<Record<string, string>> = {}): string {
  const path = key.split('/').map(encoded).join('/');
  const search = Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
  const suffix = search === '' ? '' : `?${search}`;
  if (store.endpointUrl !== undefined)
    return `${store.endpointUrl.replace(/\/+$/, '')}/${store.bucket}/${path}${suffix}`;
  const domain = `s3.${store.region}.amazonaws.com${store.partition === 'aws-cn' ? '.cn' : ''}`;
  return store.bucket.includes('.')
    ? `https://${domain}/${store.bucket}/${path}${suffix}`
    : `https://${store.bucket}.${domain}/${path}${suffix}`;
}

/** As SigV4 wants it: everything but the unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** ListObjectsV2. An empty prefix asks for the whole bucket. */
export async function listObjects(store: Store, keys: AwsKeys, prefix: string): Promise<S3Answer> {
  const query = { 'list-type': '2', 'max-keys': '5', ...(prefix === '' ? {} : { prefix }) };
  const answer = await call(store, keys, objectUrl(store, '', query));
  if (!('status' in answer)) return answer;
  if (answer.status !== 200) return refusal(answer);
  const [result] = elements(answer.body, 'ListBucketResult');
  if (result === undefined)
    return { kind: 'unclear', problem: 'verify-not-s3', detail: 'it answers 200, but with no listing' };
  return { kind: 'listed', keys: elements(result, 'Key').map(decoded) };
}

/** GetObject; of the body only the first bytes matter. */
export async function getObject(store: Store, keys: AwsKeys, key: string): Promise<S3Answer> {
  const answer = await call(store, keys, objectUrl(store, key), { range: 'bytes=0-0' });
  if (!('status' in answer)) return answer;
  // 416: the object is there and empty.
  if (answer.status === 200 || answer.status === 206 || textOf(answer.body, 'Code') === 'InvalidRange') {
    const html =
      /text\/html/i.test(answer.headers['content-type'] ?? '') && answer.headers['x-amz-request-id'] === undefined;
    return html
      ? { kind: 'unclear', problem: 'verify-not-s3', detail: `it answers ${answer.status} with HTML` }
      : { kind: 'got' };
  }
  return refusal(answer);
}

async function call(
  store: Store,
  keys: AwsKeys,
  url: string,
  headers: Record<string, string> = {},
): Promise<OutboundResponse | (S3Answer & { kind: 'unclear' })> {
  try {
    return await sendSigned(
      {
        method: 'GET',
        url,
        headers: { ...headers, 'x-amz-content-sha256': EMPTY },
        service: 's3',
        region: store.region,
        caFile: store.caFile,
        allowInsecureHttp: store.allowInsecureHttp ?? false,
      },
      keys,
      store.send,
    );
  } catch (error) {
    if (error instanceof OutboundError && error.code === 'Redirected') {
      const detail = `${error.message}: the bucket is in another region than ${store.region}, or behind another endpoint`;
      return { kind: 'unclear', problem: 'verify-region', detail };
    }
    return {
      kind: 'unclear',
      problem: 'verify-unreachable',
      detail: error instanceof Error ? masked(error.message) : String(error),
    };
  }
}

/** SHA-256 of nothing. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const PROBLEMS: Readonly<Record<string, S3Problem>> = {
  NoSuchBucket: 'verify-no-bucket',
  InvalidBucketName: 'verify-no-bucket',
  PermanentRedirect: 'verify-region',
  TemporaryRedirect: 'verify-region',
  AuthorizationHeaderMalformed: 'verify-region',
  IllegalLocationConstraintException: 'verify-region',
  InvalidAccessKeyId: 'verify-credentials',
  SignatureDoesNotMatch: 'verify-credentials',
  ExpiredToken: 'verify-credentials',
  InvalidToken: 'verify-credentials',
  RequestTimeTooSkewed: 'verify-credentials',
};

function refusal({ status, body }: OutboundResponse): S3Answer {
  const code = elements(body, 'Error').length > 0 ? textOf(body, 'Code') : undefined;
  if (status === 403 && code === 'AccessDenied') return { kind: 'denied' };
  if (status === 404 && code === 'NoSuchKey') return { kind: 'no-such-key' };
  const region = textOf(body, 'Region');
  const detail =
    code === undefined
      ? `it answers ${status}, and not as S3 does`
      : `it answers ${status} ${code}${region === undefined ? '' : ` (region ${region})`}`;
  const problem = code === undefined ? 'verify-not-s3' : (PROBLEMS[code] ?? 'verify-unreachable');
  return { kind: 'unclear', problem, detail: masked(detail) };
}

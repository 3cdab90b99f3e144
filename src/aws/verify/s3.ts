/**
 * The S3 calls of `verify`. None of them changes what is stored, whether it is permitted or not.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { EgressProxy } from '../../lib/egress-proxy.ts';
import type { OutboundResponse } from '../../lib/http-client.ts';
import { partitionOf } from '../../lib/partitions.ts';
import { withoutTrailingSlashes } from '../../lib/text/plain.ts';
import type { Send } from '../doctor/checks/issuer.ts';
import { type AwsKeys, type SignedRequest, sendSigned, withoutSecrets } from '../signed-request.ts';
import { deleteOf, listingOf, objectOf, putOf, type S3Answer, unreached } from './s3-response.ts';

export interface Store {
  readonly bucket: string;
  readonly region: string;
  /** Of another S3 than AWS's. */
  readonly endpointUrl?: string | undefined;
  readonly caFile?: string | undefined;
  readonly allowInsecureHttp?: boolean;
  readonly proxy?: EgressProxy | undefined;
  readonly send?: Send | undefined;
}

/** Virtual-hosted style, but for names with dots (no certificate covers them) and other stores than AWS's. */
export function objectUrl(store: Store, key: string, query: Readonly<Record<string, string>> = {}): string {
  const path = key.split('/').map(encoded).join('/');
  const search = Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
  const suffix = search === '' ? '' : `?${search}`;
  if (store.endpointUrl !== undefined)
    return `${withoutTrailingSlashes(store.endpointUrl)}/${store.bucket}/${path}${suffix}`;
  const domain = `s3.${store.region}.${partitionOf(store.region).dnsSuffix}`;
  return store.bucket.includes('.')
    ? `https://${domain}/${store.bucket}/${path}${suffix}`
    : `https://${store.bucket}.${domain}/${path}${suffix}`;
}

/** As SigV4 wants it: everything but the unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A way to ask for a listing. */
export interface ListingWay {
  /** @example 'v2 delimiter=/' */
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
}

const CALLS = {
  v2: { 'list-type': '2' },
  v1: {},
  versions: { versions: '' },
  uploads: { uploads: '' },
} as const;

/** Every way to list. A policy may allow one call and deny another, also by `s3:delimiter` and `s3:max-keys`. */
export const LISTING_WAYS: readonly ListingWay[] = Object.entries(CALLS).flatMap(([call, query]) => {
  const limit = call === 'uploads' ? 'max-uploads' : 'max-keys';
  const refinements = [{}, { delimiter: '/' }, { [limit]: '1' }, { delimiter: '/', [limit]: '1' }];
  return refinements.map(refinement => ({
    name: [call, ...Object.entries(refinement).map(pair => pair.join('='))].join(' '),
    query: { ...query, ...refinement },
  }));
});

/** For a listing that shall be allowed: some keys are enough. */
export const FEW_KEYS: ListingWay = { name: 'v2 max-keys=5', query: { ...CALLS.v2, 'max-keys': '5' } };

/** @param prefix undefined: the request has none; empty: it has an empty one, which policies may decide differently */
export async function listObjects(
  store: Store,
  keys: AwsKeys,
  prefix: string | undefined,
  way: ListingWay = FEW_KEYS,
): Promise<S3Answer> {
  const query = { ...way.query, ...(prefix === undefined ? {} : { prefix }) };
  return call(store, keys, { method: 'GET', url: objectUrl(store, '', query) }, listingOf);
}

/** GetObject; of the body only the first bytes matter. */
export async function getObject(store: Store, keys: AwsKeys, key: string): Promise<S3Answer> {
  return call(store, keys, { method: 'GET', url: objectUrl(store, key), headers: { range: 'bytes=0-0' } }, objectOf);
}

/**
 * PutObject that can't succeed: its body is not what its Content-MD5 says. S3 answers BadDigest to a session that may put,
 * and AccessDenied to every other. A store that compares no digests keeps the object, so it is deleted again.
 *
 * @param key one that no object has
 */
export async function tryPut(store: Store, keys: AwsKeys, key: string): Promise<S3Answer> {
  const headers = { 'content-md5': MD5_OF_NOTHING };
  const body = 'walletcreds verify: not to be stored';
  const answer = await call(store, keys, { method: 'PUT', url: objectUrl(store, key), headers, body }, putOf);
  // An answer that never came, or that says nothing, may be that of a put that was stored.
  const mayBeThere = answer.kind === 'unclear' || (answer.kind === 'taken' && answer.stored);
  if (!mayBeThere) return answer;
  const removed = await deleteObject(store, keys, key);
  return answer.kind === 'taken' && removed.kind !== 'allowed' ? { ...answer, left: key } : answer;
}

/** DeleteObject. Of a key that isn't there it does nothing, but where the bucket has versions it leaves a marker. */
export async function deleteObject(store: Store, keys: AwsKeys, key: string): Promise<S3Answer> {
  return call(store, keys, { method: 'DELETE', url: objectUrl(store, key) }, deleteOf);
}

const MD5_OF_NOTHING = '1B2M2Y8AsgTpgAmY7PhCfg==';

type Asked = Pick<SignedRequest, 'method' | 'url' | 'headers' | 'body'>;

/**
 * One signed call; the answer is without the secrets that the call showed.
 *
 * @throws OutboundError
 */
export async function sendToS3(store: Store, keys: AwsKeys, asked: Asked): Promise<OutboundResponse> {
  const sha256 = createHash('sha256')
    .update(asked.body ?? '')
    .digest('hex');
  const answer = await sendSigned(
    {
      ...asked,
      headers: { ...asked.headers, 'x-amz-content-sha256': sha256 },
      service: 's3',
      region: store.region,
      caFile: store.caFile,
      allowInsecureHttp: store.allowInsecureHttp ?? false,
      proxy: store.proxy,
    },
    keys,
    store.send,
  );
  return { ...answer, body: withoutSecrets(answer.body, keys) };
}

async function call(
  store: Store,
  keys: AwsKeys,
  asked: Asked,
  meaning: (answer: OutboundResponse) => S3Answer,
): Promise<S3Answer> {
  try {
    return meaning(await sendToS3(store, keys, asked));
  } catch (error) {
    return unreached(error, store.region);
  }
}

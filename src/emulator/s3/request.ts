/**
 * One request as S3 reads it: bucket and key from path or host, the query by name, the body as it came.
 *
 * The path is the one on the wire. A parser of URLs would resolve `..` in a key, and the signature would no longer match.
 *
 * @module
 */
import type { WireRequest } from '../query.ts';
import { S3Error } from './errors.ts';

/** A part or an object that is sent at once. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const MAX_KEY_BYTES = 1024;

export interface S3Request {
  readonly method: string;
  /** As sent, still encoded. */
  readonly path: string;
  /** Without the question mark, as sent. */
  readonly search: string;
  /** Undefined for `GET /`, which lists the buckets. */
  readonly bucket: string | undefined;
  /** Decoded; undefined where the request is about the bucket. */
  readonly key: string | undefined;
  /** The first value of each name. */
  readonly query: ReadonlyMap<string, string>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly sourceIp: string | undefined;
}

/** What @hono/node-server tells of a request's connection. */
interface Incoming {
  readonly incoming?: { readonly url?: string; readonly socket?: { readonly remoteAddress?: string } };
}

/** @throws S3Error */
export async function readS3Request(request: Request, env: unknown): Promise<S3Request> {
  const { incoming } = (env ?? {}) as Incoming;
  const url = new URL(request.url);
  const target = incoming?.url ?? `${url.pathname}${url.search}`;
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  const search = at < 0 ? '' : target.slice(at + 1);
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) headers[name] = value;
  headers['host'] ??= url.host;
  const { bucket, key } = placeOf(path, headers['host']);
  return {
    method: request.method,
    path,
    search,
    bucket,
    key,
    query: queryOf(search),
    headers,
    body: await readBody(request),
    sourceIp: incoming?.socket?.remoteAddress?.replace(/^::ffff:/, ''),
  };
}

/** `BUCKET.localhost` names the bucket; any other host has it as the first part of the path. */
function placeOf(path: string, host: string): { bucket: string | undefined; key: string | undefined } {
  const [name = ''] = host.split(':');
  const virtual = name.endsWith('.localhost') ? name.slice(0, -'.localhost'.length) : undefined;
  const rest = path.replace(/^\//, '');
  if (virtual !== undefined) return { bucket: virtual, key: rest === '' ? undefined : keyOf(rest) };
  const slash = rest.indexOf('/');
  const [bucket, key] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  return { bucket: bucket === '' ? undefined : bucket, key: key === '' ? undefined : keyOf(key) };
}

function keyOf(encoded: string): string {
  const key = decoded(encoded);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError', 'Your key is too long');
  return key;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
}

function queryOf(search: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of search.split('&').filter(part => part !== '')) {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    const key = decoded(name.replaceAll('+', ' '));
    if (!query.has(key)) query.set(key, decoded(value.replaceAll('+', ' ')));
  }
  return query;
}

async function readBody(request: Request): Promise<Buffer> {
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_BODY_BYTES)
        throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof S3Error) throw error;
    throw new S3Error('IncompleteBody', 'The request body terminated unexpectedly');
  }
  return Buffer.concat(chunks);
}

/** The same request in the form in which STS's signatures are read. */
export function wireRequest({ method, path, search, headers, query, sourceIp }: S3Request): WireRequest {
  return { method, path, search, headers, body: '', params: query, sourceIp };
}

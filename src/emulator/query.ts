/**
 * The query protocol's input: parameters of the URL and of a form body, read strictly. A parameter that comes twice is
 * refused, so that no two readers can take different ones.
 *
 * @module
 */
import { StsError } from './errors.ts';

/** The longest body that is read. The largest lawful request (token 20,000, policy 2,048, escaped) stays far below. */
export const MAX_BODY_BYTES = 131_072;

/** One request as SigV4 and the actions need it. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark, as it came. */
  readonly search: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Query and form together. */
  readonly params: ReadonlyMap<string, string>;
  /** The peer's address, where a socket stands behind the request. */
  readonly sourceIp: string | undefined;
}

/** 404, alone among STS's refusals: so AWS's list of common errors has it. */
const malformed = (why: string) =>
  new StsError('MalformedQueryString', `The query string contains a syntax error: ${why}`);

/** @throws StsError `MalformedQueryString` */
export function parseForm(text: string): [string, string][] {
  return text
    .split('&')
    .filter(pair => pair !== '')
    .map(pair => {
      const at = pair.indexOf('=');
      const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [decode(name), decode(value)];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('bad percent encoding or UTF-8');
  }
}

/** Reads a request whole, up to {@link MAX_BODY_BYTES}. @throws StsError */
export async function readRequest(request: Request, sourceIp?: string): Promise<WireRequest> {
  const url = new URL(request.url);
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) headers[name] = value;
  headers['host'] ??= url.host;
  const search = url.search.slice(1);
  const body = await readBody(request);
  const type = (headers['content-type'] ?? 'application/x-www-form-urlencoded').split(';')[0]?.trim().toLowerCase();
  const pairs = parseForm(search);
  if (type === 'application/x-www-form-urlencoded') pairs.push(...parseForm(body));
  const params = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (params.has(name)) throw malformed(`the parameter ${name.slice(0, 100)} is there twice`);
    params.set(name, value);
  }
  return { method: request.method, path: url.pathname, search, headers, body, params, sourceIp };
}

async function readBody(request: Request): Promise<string> {
  if (request.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) {
      throw new StsError('RequestEntityTooLarge', `The request body is over ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

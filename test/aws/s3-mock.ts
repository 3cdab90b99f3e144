/**
 * A store that speaks as much of S3's documented contract as `verify` asks: the listings, GetObject, PutObject and
 * DeleteObject by path, errors in S3's XML, prefixes enforced by who holds the access key. It can be told to misbehave.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OutboundRequest, OutboundResponse } from '../../src/lib/http-client.ts';

export type Action = 'list' | 'versions' | 'uploads' | 'get' | 'put' | 'delete';

export interface StoreOptions {
  readonly bucket?: string;
  readonly objects?: readonly string[];
  /** What an access key may do with a key or prefix; undefined prefix: the whole bucket. */
  readonly allow: (accessKeyId: string, action: Action, at: string | undefined) => boolean;
  /** It stores what it is sent, whatever the digest says. */
  readonly blind?: boolean;
  /** Of its AccessDenied. */
  readonly message?: string;
}

export interface MockOptions extends StoreOptions {
  /** Answers instead, where it returns true. */
  readonly misbehave?: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;
}

export interface Mock {
  readonly url: string;
  readonly requests: { method: string; path: string; authorization: string; token: string | undefined }[];
  close(): Promise<void>;
}

const LISTING: Record<string, string> = {
  list: 'ListBucketResult',
  versions: 'ListVersionsResult',
  uploads: 'ListMultipartUploadsResult',
};

/** What S3 answers, without a network. */
export function s3Answer(options: StoreOptions, request: OutboundRequest): OutboundResponse {
  const { bucket = 'data', objects = [], allow } = options;
  const { method = 'GET', headers = {}, body = '' } = request;
  const url = new URL(request.url);
  const answer = (status: number, text: string, type = 'application/xml'): OutboundResponse => ({
    status,
    headers: { 'content-type': type, 'x-amz-request-id': 'MOCK' },
    body: text,
  });
  const error = (status: number, code: string) =>
    answer(
      status,
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${options.message ?? 'Access Denied'}</Message><RequestId>MOCK</RequestId></Error>`,
    );
  const [, who = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[\w-]+\/s3\/aws4_request, /.exec(headers['authorization'] ?? '') ??
    [];
  if (who === '') return error(403, 'AccessDenied');
  const [, name = '', key = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
  if (name !== bucket) return error(404, 'NoSuchBucket');
  if (key === '') {
    const action = url.searchParams.has('versions') ? 'versions' : url.searchParams.has('uploads') ? 'uploads' : 'list';
    const prefix = url.searchParams.get('prefix') ?? undefined;
    if (!allow(who, action, prefix)) return error(403, 'AccessDenied');
    const keys = objects
      .filter(o => o.startsWith(prefix ?? ''))
      .slice(0, Number(url.searchParams.get('max-keys') ?? 1000));
    const contents = keys.map(k => `<Contents><Key>${k}</Key></Contents>`).join('');
    return answer(
      200,
      `<?xml version="1.0"?><${LISTING[action]}><Name>${bucket}</Name>${contents}</${LISTING[action]}>`,
    );
  }
  const action = method === 'PUT' ? 'put' : method === 'DELETE' ? 'delete' : 'get';
  if (action === 'get' && !objects.includes(key) && allow(who, 'list', key)) return error(404, 'NoSuchKey');
  if (!allow(who, action, key)) return error(403, 'AccessDenied');
  if (action === 'delete') return answer(204, '');
  if (action === 'put') {
    const digest = createHash('md5').update(body).digest('base64');
    const good = options.blind === true || (headers['content-md5'] ?? digest) === digest;
    return good ? answer(200, '') : error(400, 'BadDigest');
  }
  // Whether it is there is for those who may list.
  return objects.includes(key) ? answer(206, 'x', 'binary/octet-stream') : error(403, 'AccessDenied');
}

export async function s3Mock(options: MockOptions): Promise<Mock> {
  const requests: Mock['requests'] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const url = new URL(request.url ?? '/', 'http://mock');
    const headers = request.headers as Record<string, string>;
    requests.push({
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: headers['authorization'] ?? '',
      token: headers['x-amz-security-token'],
    });
    if (options.misbehave?.(request, response, url) === true) return;
    const answer = s3Answer(options, { method: request.method ?? '', url: url.href, headers, body });
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

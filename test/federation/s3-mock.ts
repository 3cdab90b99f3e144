/**
 * A store that speaks as much of S3's documented contract as the walk asks: ListObjectsV2 and GetObject by path, errors in
 * S3's XML, prefixes enforced by who holds the access key. It can be told to misbehave.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MockOptions {
  readonly bucket?: string;
  readonly objects?: readonly string[];
  /** What an access key may do with a key or prefix; undefined prefix: the whole bucket. */
  readonly allow: (accessKeyId: string, action: 'list' | 'get', at: string | undefined) => boolean;
  /** Answers instead, where it returns true. */
  readonly misbehave?: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;
}

export interface Mock {
  readonly url: string;
  readonly requests: { path: string; authorization: string; token: string | undefined }[];
  close(): Promise<void>;
}

export async function s3Mock(options: MockOptions): Promise<Mock> {
  const { bucket = 'data', objects = [] } = options;
  const requests: Mock['requests'] = [];
  const error = (response: ServerResponse, status: number, code: string) => {
    response.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': 'MOCK' });
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>x</Message><RequestId>MOCK</RequestId></Error>`,
    );
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://mock');
    const authorization = request.headers.authorization ?? '';
    requests.push({
      path: request.url ?? '',
      authorization,
      token: request.headers['x-amz-security-token'] as string | undefined,
    });
    if (options.misbehave?.(request, response, url) === true) return;
    const [, accessKeyId = ''] =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[\w-]+\/s3\/aws4_request, /.exec(authorization) ?? [];
    if (accessKeyId === '') return error(response, 403, 'AccessDenied');
    const [, name = '', key = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (name !== bucket) return error(response, 404, 'NoSuchBucket');
    if (key === '') {
      const prefix = url.searchParams.get('prefix') ?? undefined;
      if (!options.allow(accessKeyId, 'list', prefix)) return error(response, 403, 'AccessDenied');
      const keys = objects
        .filter(o => o.startsWith(prefix ?? ''))
        .slice(0, Number(url.searchParams.get('max-keys') ?? 1000));
      response.writeHead(200, { 'content-type': 'application/xml' });
      response.end(
        `<?xml version="1.0"?><ListBucketResult><Name>${bucket}</Name>${keys.map(k => `<Contents><Key>${k}</Key></Contents>`).join('')}</ListBucketResult>`,
      );
      return;
    }
    if (!options.allow(accessKeyId, 'get', key)) return error(response, 403, 'AccessDenied');
    if (!objects.includes(key))
      return error(
        response,
        options.allow(accessKeyId, 'list', key) ? 404 : 403,
        options.allow(accessKeyId, 'list', key) ? 'NoSuchKey' : 'AccessDenied',
      );
    response.writeHead(206, { 'content-type': 'binary/octet-stream' });
    response.end('x');
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

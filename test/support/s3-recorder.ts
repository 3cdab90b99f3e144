/**
 * As much of S3 as a client needs that wants to list an empty bucket or to put a small object there. It checks no
 * signature; it records whose credentials each request was signed with.
 *
 * @module
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** From `Authorization: AWS4-HMAC-SHA256 Credential=<here>/…`; undefined for an unsigned request. */
  readonly accessKeyId: string | undefined;
  readonly sessionToken: string | undefined;
}

export interface S3Recorder {
  readonly url: string;
  readonly port: number;
  readonly requests: SignedRequest[];
  close(): Promise<void>;
}

const xml = (body: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${body}`;
const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

function recorded(request: IncomingMessage): SignedRequest {
  const token = request.headers['x-amz-security-token'];
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    accessKeyId: /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1],
    sessionToken: Array.isArray(token) ? token[0] : token,
  };
}

/** The answer to a request for `url`, given what was put so far. */
function answer(method: string, url: URL, objects: ReadonlySet<string>): { status: number; body: string } {
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/.exec(url.pathname) ?? [];
  if (bucket === '')
    return {
      status: 200,
      body: `<ListAllMyBucketsResult ${namespace}><Owner><ID>o</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>`,
    };
  if (key !== '') {
    if (method === 'PUT' || objects.has(key)) return { status: 200, body: '' };
    return { status: 404, body: '<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>' };
  }
  if (url.searchParams.has('location')) return { status: 200, body: `<LocationConstraint ${namespace}/>` };
  return {
    status: 200,
    body: `<ListBucketResult ${namespace}><Name>${bucket}</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`,
  };
}

export async function startS3Recorder(): Promise<S3Recorder> {
  const requests: SignedRequest[] = [];
  const objects = new Set<string>();
  const server = createServer((request, response) => {
    requests.push(recorded(request));
    const url = new URL(request.url ?? '/', 'http://s3.invalid');
    request.resume().on('end', () => {
      const { status, body } = answer(request.method ?? '', url, objects);
      if (request.method === 'PUT') objects.add(url.pathname.split('/').slice(2).join('/'));
      response.writeHead(status, { 'Content-Type': 'application/xml', ETag: '"d41d8cd98f00b204e9800998ecf8427e"' });
      response.end(body === '' || request.method === 'HEAD' ? '' : xml(body));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

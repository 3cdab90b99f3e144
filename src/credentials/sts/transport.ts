/**
 * The SDK's HTTP handler with limits: a response is read whole, up to a size, and anything but a 200 becomes our error
 * before the SDK sees it. The deadline is the caller's signal; it covers connecting, waiting and reading.
 *
 * @module
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import { type EgressProxy, TunnelAgent } from '../../lib/egress-proxy.ts';
import { elementOf, failureOf } from './errors.ts';
import { unavailable } from './unavailable.ts';

/** How long a connection without an exchange is kept. */
const IDLE_MS = 100;
/** STS's answer has about 2 KB, 12 KB with the largest tags. */
const MAX_BODY = 256 * 1024;

export type StsTransport = RequestHandler<HttpRequest, HttpResponse, HttpHandlerOptions>;

/**
 * @param options.place the endpoint's origin, for messages
 * @param options.ca PEM of the only authorities that are trusted; absent: the machine's
 * @param options.proxy the proxy to STS; absent: none
 */
export function createTransport(options: {
  readonly place: string;
  readonly ca: string | undefined;
  readonly proxy: EgressProxy | undefined;
}): StsTransport {
  const { place, ca, proxy } = options;
  // Exchanges of a burst share connections. One that was idle for longer may have been closed by STS, which would cost a 503.
  const agent = { keepAlive: true, timeout: IDLE_MS, maxSockets: 64 };
  // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment doesn't switch it off.
  const secure = { ...agent, rejectUnauthorized: true, ...(ca !== undefined && { ca }) };
  const inner = new NodeHttpHandler({
    httpAgent: new HttpAgent(agent),
    httpsAgent: proxy === undefined ? new HttpsAgent(secure) : new TunnelAgent(proxy, secure),
    // The caller's deadline rules; the handler's own timers would only warn on the console.
    socketAcquisitionWarningTimeout: 0x7fffffff,
  });
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    destroy: () => inner.destroy(),
    async handle(request, handlerOptions) {
      const { response } = await inner.handle(request as never, handlerOptions);
      const body = await readLimited(response.body, place);
      const { statusCode: status, headers } = response;
      if (status !== 200) {
        const text = body.toString('utf8');
        throw failureOf({ status, body: text, requestId: requestIdOf(headers, text) }, place);
      }
      const type = headers['content-type'];
      if (type !== undefined && !/\bxml\b/i.test(type)) {
        throw unavailable(
          `STS at ${place} answers 200 with Content-Type ${JSON.stringify(type)}, not XML: is sts.endpoint really an STS?`,
        );
      }
      // STS sends no declaration, comment or CDATA section. The SDK leaves entities as they are, in what would be vended.
      if (body.includes('<!')) {
        throw unavailable(`STS at ${place} answers XML with a declaration (<!…), which STS never sends`);
      }
      response.body = body;
      return { response };
    },
  };
}

/** STS's request id: AWS's header, Ceph's, or the one in the body. */
export function requestIdOf(headers: Readonly<Record<string, string>>, body: string): string | undefined {
  const id = headers['x-amzn-requestid'] ?? headers['x-amz-request-id'] ?? elementOf(body, 'RequestId');
  return id !== undefined && /^[\w.:-]{1,128}$/.test(id) ? id : undefined;
}

async function readLimited(stream: AsyncIterable<Buffer> & { destroy?(): void }, place: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (size > MAX_BODY) throw unavailable(`STS at ${place} answers more than ${MAX_BODY / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

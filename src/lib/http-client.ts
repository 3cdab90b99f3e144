/**
 * The one client for calls that leave the process: to a broker, an issuer's JWKS, a session backend.
 *
 * Only https, or http to a loopback literal; anything else must have been allowed in the configuration. A redirect is an
 * error, since it would carry a bearer to where nobody sent it. Total time and size are bounded, so that a peer that never
 * ends, or drips a byte a second, holds nobody up. Nothing is read from the environment, and nothing is logged.
 *
 * @module
 */

import http from 'node:http';
import https from 'node:https';
import { type Clock, systemClock } from './clock.ts';
import { type EgressProxy, ProxyRefused } from './egress-proxy.ts';
import { agentFor, forOneCall } from './outbound-agents.ts';
import { OutboundError } from './outbound-error.ts';

export { caAgent } from './outbound-agents.ts';
export { OutboundError } from './outbound-error.ts';

export interface OutboundRequest {
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as UTF-8 with its `Content-Length`. */
  readonly body?: string;
  /** PEM file of the only authorities that are trusted; read again when it changes. Default: node's own list. */
  readonly caFile?: string | undefined;
  /** Timeout of the whole request (DNS, connection, TLS, response), ms. Default 5,000. */
  readonly timeoutMs?: number;
  /** Of the answer's body. Default 64 KiB. */
  readonly maxBytes?: number;
  /** Plain http to more than loopback literals. */
  readonly allowInsecureHttp?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** For https to other machines. */
  readonly proxy?: EgressProxy | undefined;
  readonly clock?: Clock;
}

/** A response of any status but a redirect. */
export interface OutboundResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Whether a URL may be called at all. Names don't count as loopback: `localhost` is whatever the resolver says it is.
 *
 * @throws OutboundError `UrlNotAllowed`, with the fix
 */
export function assertUrlAllowed(url: string, allowInsecureHttp = false): URL {
  if (!URL.canParse(url)) throw new OutboundError('UrlNotAllowed', 'not a URL');
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '') {
    throw new OutboundError('UrlNotAllowed', 'a URL must not hold a user name or a password');
  }
  if (parsed.protocol === 'https:') return parsed;
  const loopback = /^(127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname);
  if (parsed.protocol === 'http:' && (loopback || allowInsecureHttp)) return parsed;
  throw new OutboundError(
    'UrlNotAllowed',
    parsed.protocol === 'http:'
      ? `http to ${parsed.hostname} is refused; use https, or http to 127.0.0.1 or [::1], or say allow_insecure_http: true beside the URL`
      : `the scheme ${parsed.protocol} is refused; use https`,
  );
}

/**
 * One call. Never follows a redirect. Where a pooled connection dies before a byte of the answer, the call is made once more,
 * on a fresh connection.
 *
 * @throws OutboundError
 */
export async function request(options: OutboundRequest): Promise<OutboundResponse> {
  const url = assertUrlAllowed(options.url, options.allowInsecureHttp);
  const { timeoutMs = 5_000, clock = systemClock, signal } = options;
  const agent = await agentFor(url, options);
  const stop = new AbortController();
  const cancelTimer = clock.schedule(() => stop.abort(timedOut(url, timeoutMs)), timeoutMs);
  const abort = () => stop.abort(new OutboundError('Aborted', `the call to ${url.host} was given up`));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    try {
      return await send(url, agent, options, stop.signal);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      // The pool may hold more connections that died with it.
      const fresh = forOneCall(agent);
      return await send(url, fresh, options, stop.signal).finally(() => fresh.destroy());
    }
  } catch (error) {
    throw error instanceof StaleConnection ? networkError(url, 'ECONNRESET') : error;
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', abort);
  }
}

/** A pooled connection died before a byte of the answer came. */
class StaleConnection extends Error {}

function send(url: URL, agent: http.Agent, options: OutboundRequest, stop: AbortSignal): Promise<OutboundResponse> {
  const { method = 'GET', maxBytes = 64 * 1024, body } = options;
  const headers = {
    accept: 'application/json',
    'user-agent': 'walletcreds',
    ...options.headers,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? https : http;
    const outgoing = client.request(url, { method, headers, agent });
    const give = (error: unknown) => {
      reject(error);
      outgoing.destroy();
    };
    const onStop = () => give(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    let answered = false;
    /** Bytes that earlier responses on the same connection had. */
    let readBefore = 0;
    outgoing.once('socket', socket => {
      readBefore = socket.bytesRead;
    });
    outgoing.once('close', () => {
      stop.removeEventListener('abort', onStop);
      // An answer that can't be one (101) ends the connection without a word.
      if (!answered) reject(networkError(url, 'ECONNRESET'));
    });
    outgoing.on('error', error => {
      if (error instanceof ProxyRefused) {
        give(new OutboundError('NetworkError', `the call to ${url.host} fails: ${error.message}`));
        return;
      }
      const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error';
      const silent = (outgoing.socket?.bytesRead ?? 0) === readBefore;
      const stale = outgoing.reusedSocket && silent && (code === 'ECONNRESET' || code === 'EPIPE');
      give(stale ? new StaleConnection() : networkError(url, code));
    });
    outgoing.on('response', answer => {
      answered = true;
      const status = answer.statusCode ?? 0;
      if (status >= 300 && status < 400) {
        give(new OutboundError('Redirected', `${url.host} answers with a redirect (${status}), which is not followed`));
        return;
      }
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBytes) {
          give(new OutboundError('TooLarge', `${url.host} answers with more than ${maxBytes} bytes`));
        }
      });
      answer.on('end', () =>
        resolve({ status, headers: answer.headers, body: Buffer.concat(chunks).toString('utf8') }),
      );
      answer.on('error', () => give(networkError(url, 'ECONNRESET')));
    });
    if (stop.aborted) onStop();
    else outgoing.end(body);
  });
}

function timedOut(url: URL, timeoutMs: number): OutboundError {
  return new OutboundError('TimedOut', `${url.host} has not answered within ${timeoutMs} ms`);
}

function networkError(url: URL, code: string): OutboundError {
  return new OutboundError('NetworkError', `the call to ${url.host} fails with ${code}`);
}

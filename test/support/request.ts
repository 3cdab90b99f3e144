/**
 * One HTTP request as a client's own code sends it, over node:http: nothing is added that an SDK doesn't send (`fetch`
 * says `Sec-Fetch-Mode`, as a browser does), and nothing is put right (a raw path stays raw).
 *
 * @module
 */
import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** From the call to the last byte. */
  readonly ms: number;
}

export interface Asked {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Milliseconds for the whole answer; past it the request fails. */
  readonly timeout?: number;
  readonly agent?: Agent;
}

export function ask({ port, path, method = 'GET', headers = {}, timeout, agent }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const signal = timeout === undefined ? {} : { signal: AbortSignal.timeout(timeout) };
    const sent = request({ host: '127.0.0.1', port, path, method, headers, ...signal, ...(agent ? { agent } : {}) });
    sent.on('error', reject);
    sent.on('response', response => {
      let body = '';
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, ms: performance.now() - began }),
      );
    });
    sent.end();
  });
}

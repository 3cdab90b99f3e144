/**
 * Many small requests over a few keep-alive connections, one under way on each, on bare sockets: the client must cost a
 * fraction of the server that it floods.
 *
 * @module
 */
import { connect } from 'node:net';

export interface Flood {
  /** How many answers had which status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly ms: number;
}

/** @param headerOf the header lines of the n-th request, each ended by CRLF */
export function flood(options: {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
  readonly path?: string;
  readonly headerOf: (n: number) => string;
}): Promise<Flood> {
  const { port, requests, connections, path = '/v1/credentials', headerOf } = options;
  const statuses: Record<string, number> = {};
  const began = performance.now();
  let next = 0;
  const lane = () =>
    new Promise<void>((resolve, reject) => {
      let text = '';
      let length = 0;
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const ask = () => {
        if (next >= requests) {
          socket.destroy();
          resolve();
          return;
        }
        socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headerOf(next++)}\r\n`);
      };
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        if (length === 0) length = lengthOf(text);
        if (length === 0 || text.length < length) return;
        const status = text.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        text = '';
        length = 0;
        ask();
      });
      socket.on('connect', ask).on('error', reject);
      socket.on('close', () => reject(new Error('the server closed a connection of the flood')));
    });
  return Promise.all(Array.from({ length: connections }, lane)).then(() => ({
    statuses,
    ms: performance.now() - began,
  }));
}

/** Header and body together; 0 while the header isn't whole. */
function lengthOf(text: string): number {
  const header = text.indexOf('\r\n\r\n');
  return header < 0 ? 0 : header + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
}

/**
 * Talks to a listener over bare sockets, so that a test can send what no HTTP client would.
 *
 * @module
 */
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { endpointPolicy } from '../../../src/http/endpoint/policy.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../src/http/listener.ts';
import type { Handler } from '../../../src/http/request-handler.ts';
import { serializeError } from '../../../src/http/response.ts';
import type { Logger } from '../../../src/lib/log.ts';

const open: Listener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map(listener => listener.close(0)));
});

export interface Wire {
  readonly listener: Listener;
  readonly port: number;
}

/** A listener on a free port of 127.0.0.1, closed after the test. */
export async function listening(handler: Handler, log: Logger, more: Partial<ListenerOptions> = {}): Promise<Wire> {
  const listen = [{ host: '127.0.0.1', port: 0 }];
  const listener = await startListener({
    name: 'endpoint',
    listen,
    policy: endpointPolicy({ listen, extraHosts: [] }),
    serializeError,
    handler,
    log,
    ...more,
  });
  open.push(listener);
  return { listener, port: listener.addresses[0]?.port ?? 0 };
}

/** A socket that is destroyed after the test. */
export function socketTo(port: number, host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host }, () => resolve(socket));
    sockets.push(socket);
    socket.once('error', reject);
  });
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  json(): Record<string, unknown>;
}

/** Reads until the peer closes. */
export function untilClosed(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Sends bytes as they are and reads answers until the peer closes. */
export async function exchange(port: number, bytes: string): Promise<Reply[]> {
  const socket = await socketTo(port);
  const all = untilClosed(socket);
  socket.write(bytes, 'latin1');
  return replies(await all);
}

/** One request that asks for the connection to be closed; `head` is the request line and further fields. */
export async function ask(port: number, head: string, body = ''): Promise<Reply> {
  const [line = '', ...fields] = head.split('\n');
  const host = fields.some(field => /^host:/i.test(field)) ? [] : ['Host: 127.0.0.1'];
  const lines = [line, ...host, ...fields, 'Connection: close', '', ''];
  const [reply] = await exchange(port, lines.join('\r\n') + body);
  if (reply === undefined) throw new Error('closed without an answer');
  return reply;
}

/** Splits what came into answers, each by its Content-Length. */
export function replies(text: string): Reply[] {
  const found: Reply[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`no whole header in ${JSON.stringify(rest)}`);
    const [statusLine = '', ...fields] = rest.slice(0, end).split('\r\n');
    const headers: Record<string, string> = {};
    for (const field of fields) {
      const colon = field.indexOf(':');
      headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
    }
    const status = Number(statusLine.split(' ')[1]);
    const length = Number(headers['content-length'] ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    found.push({ status, headers, body, json: () => JSON.parse(body) as Record<string, unknown> });
    rest = rest.slice(end + 4 + length);
  }
  return found;
}

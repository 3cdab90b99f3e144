/**
 * A real HTTP proxy for CONNECT on loopback. It takes every host for this machine, and records what it was asked and sent.
 *
 * @module
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectProxy {
  /** Without credentials. */
  readonly url: string;
  /** `host:port` of each CONNECT, refused ones too. */
  readonly targets: string[];
  /** Everything that clients sent through the tunnels, as Latin-1. */
  sent(): string;
  close(): Promise<void>;
}

/**
 * @param options.authorization the Proxy-Authorization that it wants
 * @param options.refusal its raw answer to every CONNECT
 */
export async function startConnectProxy(
  options: { authorization?: string; refusal?: string } = {},
): Promise<ConnectProxy> {
  const targets: string[] = [];
  const sockets = new Set<Duplex>();
  let sent = '';
  const server = createServer((_, response) => void response.writeHead(500).end());
  server.on('connect', (request, client: Duplex) => {
    sockets.add(client.on('error', () => undefined));
    targets.push(request.url ?? '');
    if (options.refusal !== undefined) return void client.end(options.refusal);
    if (options.authorization !== undefined && request.headers['proxy-authorization'] !== options.authorization) {
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    }
    const upstream = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.on('data', (chunk: Buffer) => {
        sent += chunk.toString('latin1');
      });
      client.pipe(upstream).pipe(client);
    });
    sockets.add(upstream.on('error', () => client.destroy()));
    return undefined;
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    sent: () => sent,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}

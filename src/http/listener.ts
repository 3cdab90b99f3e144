/**
 * Opens the addresses of one listener: every request of theirs has one request handler and one set of connections.
 *
 * @module
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsConfig } from '../config/types.ts';
import type { ListenAddress } from '../lib/addresses.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { createSourceGuard } from '../lib/source-guard.ts';
import { type BoundAddress, open } from './bind.ts';
import { refuseClientError } from './client-error.ts';
import { Connections } from './connections.ts';
import { type Limits, withDefaults } from './limits.ts';
import { createRequestHandler, type RequestHandlerOptions } from './request-handler.ts';
import { readKeyPair, watchKeyPair } from './tls.ts';
import type { RequestPolicy } from './validate-request.ts';

export type { BoundAddress } from './bind.ts';

export interface ListenerOptions extends RequestHandlerOptions {
  /** `endpoint`, `broker` or `admin`: for the log, and for the key that an error names. */
  readonly name: string;
  /** Plain http. */
  readonly listen: readonly ListenAddress[];
  /** https beside it, or alone. */
  readonly tls?: TlsConfig | undefined;
  /** CIDR blocks that may connect at all; empty or absent: all. Others are cut off without a response. */
  readonly allowFrom?: readonly string[] | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly log: Logger;
}

/** What may change while the listener is open. */
export interface ListenerChange {
  readonly policy?: RequestPolicy;
  readonly allowFrom?: readonly string[];
  readonly maxConnections?: number;
}

export interface Listener {
  /** Where it really listens: a port 0 of the configuration is the chosen one here. */
  readonly addresses: readonly BoundAddress[];
  /** Takes effect with the next request; no connection is dropped. */
  update(change: ListenerChange): void;
  /** Stops accepting, lets what is in flight end for up to `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** How long a closing listener waits for the first request of a connection that was just accepted; ms. */
const FIRST_REQUEST_MS = 100;

/**
 * Opens every address, or none.
 *
 * @throws ListenFailed, TlsFilesUnusable
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { name, serializeError, log } = options;
  const limits = withDefaults(options.limits);
  const connections = new Connections(limits.maxConnections);
  const handler = createRequestHandler(options, connections);
  let sourceAllowed = createSourceGuard(options.allowFrom ?? []);
  const servers: (Server | TlsServer)[] = [];
  const stops: (() => void)[] = [];
  const settings = {
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    // Node's own refusal of a missing Host has no body; ours has.
    requireHostHeader: false,
    noDelay: true,
  };

  const serve = <S extends Server | TlsServer>(server: S, tls: boolean): S => {
    // Node would drop fields beyond a count unseen, those among them that a request is refused for.
    server.maxHeadersCount = 0;
    server.timeout = 0;
    server.on('connection', (socket: Socket) => {
      if (sourceAllowed(socket.remoteAddress)) connections.accept(socket, { tls });
      else {
        socket.destroy();
        options.refused?.('SourceNotAllowed');
      }
    });
    if (tls) server.on('secureConnection', (socket: Socket) => connections.secured(socket));
    server.on('request', handler.onRequest);
    server.on('checkContinue', handler.onRequest);
    server.on('checkExpectation', handler.onRequest);
    server.on('connect', (request, socket) => handler.onConnect(request, socket as Socket));
    server.on('clientError', (error, socket) => {
      const code = refuseClientError(error, socket as Socket, { connections, serializeError });
      if (code !== undefined) options.refused?.(code);
    });
    servers.push(server);
    return server;
  };

  const close = async (graceMs: number) => {
    handler.drain();
    for (const stop of stops) stop();
    const closed = Promise.all(servers.map(server => new Promise<void>(resolve => server.close(() => resolve()))));
    connections.drain(Math.min(graceMs, FIRST_REQUEST_MS));
    const cut = setTimeout(() => connections.destroyAll(), graceMs);
    await closed;
    clearTimeout(cut);
  };

  const addresses: BoundAddress[] = [];
  try {
    for (const address of options.listen) {
      const server = serve(createServer(settings), false);
      addresses.push(await open(server, address, { key: `${name}.listen`, all: options.listen, tls: false }));
    }
    if (options.tls !== undefined) {
      const { tls } = options;
      for (const address of tls.listen) {
        const loaded = readKeyPair(tls);
        const server = serve(createTlsServer({ ...settings, ...loaded, handshakeTimeout: limits.headersMs }), true);
        addresses.push(await open(server, address, { key: `${name}.tls.listen`, all: tls.listen, tls: true }));
        const watching = { log, intervalMs: limits.certPollMs };
        stops.push(watchKeyPair(tls, loaded, pair => server.setSecureContext(pair), watching));
      }
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  for (const server of servers) {
    server.on('error', error => log.error({ listener: name, ...errorFields(error) }, 'listener error'));
  }
  return {
    addresses,
    update({ policy, allowFrom, maxConnections }) {
      if (allowFrom !== undefined) sourceAllowed = createSourceGuard(allowFrom);
      if (policy !== undefined) handler.setPolicy(policy);
      if (maxConnections !== undefined) connections.limit(maxConnections);
    },
    close,
  };
}

/**
 * The layer in front of the Hono apps, at node's level: it opens the addresses, judges every request as it came over the
 * wire, and answers itself what no app should see, node's own refusals among them.
 *
 * @module
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsConfig } from '../config/types.ts';
import type { ListenAddress } from '../lib/addresses.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { type BoundAddress, open } from './bind.ts';
import { refuseByNode } from './client-error.ts';
import { createConnections } from './connections.ts';
import { keepTick } from './keep-tick.ts';
import { type Limits, withDefaults } from './limits.ts';
import type { Handler } from './node-adapter.ts';
import { createGate } from './request-handler.ts';
import type { ErrorForm } from './response.ts';
import { createSourceGuard } from './source-guard.ts';
import { readKeyPair, watchKeyPair } from './tls.ts';
import type { RequestPolicy } from './validate-request.ts';

export type { BoundAddress } from './bind.ts';

export interface ListenerOptions {
  /** `endpoint`, `broker` or `admin`: for the log, and for the key that an error names. */
  readonly name: string;
  /** Plain http. */
  readonly listen: readonly ListenAddress[];
  /** https beside it, or alone. */
  readonly tls?: TlsConfig | undefined;
  readonly policy: RequestPolicy;
  /** CIDR blocks that may connect at all; empty or absent: all. Others are cut off without an answer. */
  readonly allowFrom?: readonly string[] | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** How refusals are written. */
  readonly errorForm: ErrorForm;
  /** What is refused here, before any app: for metrics and the log. `code` is the error's. */
  readonly refused?: ((code: string) => void) | undefined;
  readonly handler: Handler;
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

/** How often a closing listener looks for connections that have become idle; ms. */
const DRAIN_POLL = 20;
/** How long a closing listener waits for the first request of a connection that was just accepted; ms. */
const FIRST_REQUEST_PATIENCE = 100;

/**
 * Opens every address, or none.
 *
 * @throws ListenFailed, TlsFilesUnusable
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  void keepTick();
  const limits = withDefaults(options.limits);
  const connections = createConnections(limits.maxConnections, options.name === 'endpoint');
  const gate = createGate(options, connections);
  let sourceAllowed = createSourceGuard(options.allowFrom ?? []);
  const servers: (Server | TlsServer)[] = [];
  const stops: (() => void)[] = [];

  const prepare = <S extends Server | TlsServer>(server: S, secure: boolean): S => {
    // No count of header fields but their 16 KiB: node drops what is beyond the count unseen, guards included.
    server.maxHeadersCount = 0;
    server.timeout = 0;
    server.on('connection', (socket: Socket) => {
      if (!sourceAllowed(socket.remoteAddress)) socket.destroy();
      else if (secure) connections.handshake(socket);
      else connections.add(socket);
    });
    if (secure) server.on('secureConnection', (socket: Socket) => connections.add(socket));
    server.on('checkContinue', gate.onRequest);
    server.on('checkExpectation', gate.onRequest);
    server.on('connect', (request, socket) => gate.onConnect(request, socket as Socket));
    server.on('clientError', (error, socket) => {
      const code = refuseByNode(error, socket as Socket, options.errorForm);
      if (code !== undefined) options.refused?.(code);
    });
    servers.push(server);
    return server;
  };
  const settings = {
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    // Its own refusal of a missing Host has no body; the gate's has.
    requireHostHeader: false,
    noDelay: true,
  };
  const onRequest: RequestListener = gate.onRequest;

  const addresses: BoundAddress[] = [];
  const close = async (graceMs: number) => {
    gate.drain();
    for (const stop of stops) stop();
    const closed = Promise.all(servers.map(server => new Promise<void>(resolve => server.close(() => resolve()))));
    const idle = () => {
      for (const server of servers) server.closeIdleConnections();
    };
    idle();
    const poll = setInterval(idle, DRAIN_POLL);
    const unused = setTimeout(() => connections.destroyUnused(), Math.min(graceMs, FIRST_REQUEST_PATIENCE));
    const cut = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
      connections.destroyAll();
    }, graceMs);
    await closed;
    clearInterval(poll);
    clearTimeout(unused);
    clearTimeout(cut);
  };

  try {
    for (const address of options.listen) {
      const server = prepare(createServer(settings, onRequest), false);
      const place = { key: `${options.name}.listen`, all: options.listen, tls: false };
      addresses.push(await open(server, address, place));
    }
    if (options.tls !== undefined) {
      const { tls } = options;
      for (const address of tls.listen) {
        const loaded = readKeyPair(tls);
        const context = { ...settings, ...loaded, handshakeTimeout: limits.headersMs };
        const server = prepare(createTlsServer(context, onRequest), true);
        addresses.push(await open(server, address, { key: `${options.name}.tls.listen`, all: tls.listen, tls: true }));
        const watching = { log: options.log, intervalMs: limits.certPollMs };
        stops.push(watchKeyPair(tls, loaded, pair => server.setSecureContext(pair), watching));
      }
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  for (const server of servers) {
    server.on('error', error => options.log.error({ listener: options.name, ...errorFields(error) }, 'listener error'));
  }
  return {
    addresses,
    update({ policy, allowFrom, maxConnections }) {
      if (allowFrom !== undefined) sourceAllowed = createSourceGuard(allowFrom);
      if (policy !== undefined) gate.setPolicy(policy);
      if (maxConnections !== undefined) connections.limit(maxConnections);
    },
    close,
  };
}

/**
 * The way of every request of every listener: connection, validation, then the listener's own handler.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequest, BodyNotAllowed, TooManyConnections, type WalletcredsError } from '../lib/errors.ts';
import { writeToSocket } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { refusalQueue } from './refusal-queue.ts';
import { type ErrorSerializer, writeResponse } from './response.ts';
import { hasBody, pathOf, type RequestHeaders, type RequestPolicy, validateRequest } from './validate-request.ts';

/** Responses that one connection may wait for; a client that pipelines more is cut off behind them. */
const MAX_WAITING = 8;

/** A request that passed validation. */
export interface HttpRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The raw path, byte for byte. */
  readonly path: string;
  /** Undefined without one. */
  readonly authorization: string | undefined;
  /** The socket's own address; undefined when it is gone. */
  readonly remoteAddress: string | undefined;
  /**
   * Notes who asks, so that the connection isn't evicted as an unauthenticated one.
   *
   * @param owner a workload's id
   * @throws TooManyConnections
   */
  authenticated(owner: string): void;
}

/** Responds to a request. A promise is for a response that is still to come; it never rejects. */
export type Handler = (request: HttpRequest) => void | Promise<void>;

export interface RequestHandlerOptions {
  readonly policy: RequestPolicy;
  readonly serializeError: ErrorSerializer;
  /** Called with the code of every refusal. */
  readonly refused?: ((code: string) => void) | undefined;
  readonly handler: Handler;
}

export interface RequestHandler {
  onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void;
  /** CONNECT has no response object, only a socket. */
  onConnect(incoming: IncomingMessage, socket: Socket): void;
  setPolicy(policy: RequestPolicy): void;
  /** Every later response ends its connection. */
  drain(): void;
}

/** A class, so that a request costs no closures. */
class ValidatedRequest implements HttpRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly #connection: Connection;
  readonly #connections: Connections;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    at: { connection: Connection; connections: Connections },
  ) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.path = pathOf(incoming.url as string);
    this.authorization = incoming.headersDistinct['authorization']?.[0];
    this.#connection = at.connection;
    this.#connections = at.connections;
  }

  get remoteAddress(): string | undefined {
    return this.incoming.socket.remoteAddress;
  }

  authenticated(owner: string): void {
    if (this.#connections.authenticated(this.#connection, owner)) return;
    this.outgoing.shouldKeepAlive = false;
    throw new TooManyConnections('every connection is in use; ask again');
  }
}

export function createRequestHandler(options: RequestHandlerOptions, connections: Connections): RequestHandler {
  const { serializeError, refused, handler } = options;
  let { policy } = options;
  let draining = false;

  const refuse = async (outgoing: ServerResponse, error: WalletcredsError) => {
    refused?.(error.code);
    await refusalQueue.turn();
    writeResponse(outgoing, serializeError(error, policy.methods));
  };

  const respond = (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    connection: Connection,
  ): void | Promise<void> => {
    const headers = headersOf(incoming);
    if (headers === undefined) return refuse(outgoing, new BadRequest('a header field with a name that is not served'));
    const request = { method: incoming.method as string, target: incoming.url as string, headers };
    const error =
      validateRequest(policy, request) ??
      (incoming.httpVersionMajor === 1 ? undefined : new BadRequest('HTTP/1.1 is spoken here'));
    const body = hasBody(headers);
    if (error !== undefined) {
      if (body) {
        // The rest of the body isn't worth reading. What is here is read, or its reset would take the response away.
        outgoing.shouldKeepAlive = false;
        incoming.resume();
      }
      return refuse(outgoing, error);
    }
    const validated = new ValidatedRequest(incoming, outgoing, { connection, connections });
    if (!body) return handler(validated);
    return discardBody(incoming, policy.maxBody).then(small => {
      if (small) return handler(validated);
      outgoing.shouldKeepAlive = false;
      return refuse(outgoing, new BodyNotAllowed(`the body is over the limit of ${policy.maxBody} bytes`));
    });
  };

  return {
    onRequest(incoming, outgoing) {
      const connection = connections.begin(incoming.socket, outgoing);
      if (connection === undefined) return;
      if (draining) outgoing.shouldKeepAlive = false;
      const done = respond(incoming, outgoing, connection);
      if (done === undefined) return;
      if (++connection.waiting >= MAX_WAITING) {
        connection.cutOff = true;
        outgoing.shouldKeepAlive = false;
      }
      void done.then(() => {
        connection.waiting--;
      });
    },
    onConnect(incoming, socket) {
      socket.on('error', () => socket.destroy());
      const request = { method: 'CONNECT', target: '/', headers: headersOf(incoming) ?? {} };
      const error = validateRequest(policy, request) ?? new BadRequest('CONNECT is not served here');
      refused?.(error.code);
      writeToSocket(socket, serializeError(error, policy.methods));
    },
    setPolicy(next) {
      policy = next;
    },
    drain() {
      draining = true;
    },
  };
}

/** @returns undefined where node throws: before 20.20.2 and 24.14.1 it does for a field named `__proto__` */
function headersOf(incoming: IncomingMessage): RequestHeaders | undefined {
  try {
    return incoming.headersDistinct;
  } catch {
    return undefined;
  }
}

/**
 * Reads a body that nobody wants, so that the connection can go on.
 *
 * @returns whether it kept the limit; never settles where the client goes away before its end
 */
function discardBody(incoming: IncomingMessage, max: number): Promise<boolean> {
  return new Promise(resolve => {
    let bytes = 0;
    incoming
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > max) resolve(false);
      })
      .on('end', () => resolve(true))
      .on('error', () => incoming.destroy());
  });
}

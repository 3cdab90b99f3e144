/**
 * Every request's way through the guards to the app.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequest, BodyNotAllowed, TooManyConnections, type WalletcredsError } from '../lib/errors.ts';
import { writeRaw } from './client-error.ts';
import type { Connections } from './connections.ts';
import { readHeaders } from './headers.ts';
import { type Bindings, type Handler, writeInTurn } from './node-adapter.ts';
import { isCutOff } from './refusal-queue.ts';
import type { ErrorForm } from './response.ts';
import { judge, pathOf, type RequestPolicy } from './validate-request.ts';

export interface GateOptions {
  readonly policy: RequestPolicy;
  readonly errorForm: ErrorForm;
  readonly refused?: ((code: string) => void) | undefined;
  readonly handler: Handler;
}

export interface Gate {
  onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void;
  /** CONNECT has no response object, only a socket. */
  onConnect(incoming: IncomingMessage, socket: Socket): void;
  setPolicy(policy: RequestPolicy): void;
  /** From now on every answer ends its connection. */
  drain(): void;
}

/** A request's bindings; a class, so that `claim` costs no closure per request. */
class RequestBindings implements Required<Bindings> {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly #connections: Connections;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    authorization: string | undefined,
    connections: Connections,
  ) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.path = pathOf(incoming.url as string);
    this.authorization = authorization;
    this.#connections = connections;
  }

  get remoteAddress(): string | undefined {
    return this.incoming.socket.remoteAddress;
  }

  claim(workload: string): boolean {
    if (this.#connections.claim(this.incoming.socket, workload)) return true;
    this.outgoing.shouldKeepAlive = false;
    return false;
  }
}

export function createGate(options: GateOptions, connections: Connections): Gate {
  const { errorForm, refused, handler } = options;
  let { policy } = options;
  let draining = false;

  const refuse = (outgoing: ServerResponse, error: WalletcredsError) => {
    refused?.(error.code);
    if (error instanceof TooManyConnections) outgoing.shouldKeepAlive = false;
    writeInTurn(outgoing, errorForm(error, policy.methods));
  };

  return {
    onRequest(incoming, outgoing) {
      if (isCutOff(incoming)) return;
      if (draining) outgoing.shouldKeepAlive = false;
      if (!connections.use(incoming.socket)) {
        refuse(outgoing, new TooManyConnections('too many connections; close idle ones and ask again'));
        return;
      }
      const headers = readHeaders(incoming.rawHeaders);
      const error =
        judge(policy, { method: incoming.method as string, target: incoming.url as string, headers }) ??
        (incoming.httpVersionMajor === 1 ? undefined : new BadRequest('HTTP/1.1 is spoken here'));
      if (error !== undefined) {
        if (headers.body) {
          // The rest of the body isn't worth reading; what of it is here is, or the close would reset the answer away.
          outgoing.shouldKeepAlive = false;
          incoming.resume();
        }
        refuse(outgoing, error);
        return;
      }
      const env = new RequestBindings(incoming, outgoing, headers.authorization, connections);
      if (!headers.body) {
        handler(env);
        return;
      }
      discardBody(incoming, policy.maxBody, tooLarge => {
        if (!tooLarge) handler(env);
        else {
          outgoing.shouldKeepAlive = false;
          refuse(outgoing, new BodyNotAllowed(`the body is over the limit of ${policy.maxBody} bytes`));
        }
      });
    },
    onConnect(incoming, socket) {
      socket.on('error', () => socket.destroy());
      const headers = readHeaders(incoming.rawHeaders);
      const error = judge(policy, { method: 'CONNECT', target: '/', headers });
      if (error === undefined) {
        socket.destroy();
        return;
      }
      refused?.(error.code);
      writeRaw(socket, errorForm(error, policy.methods));
    },
    setPolicy(next) {
      policy = next;
    },
    drain() {
      draining = true;
    },
  };
}

/** Reads a body that nobody wants, so that the connection can go on; `done` is called once, or never if the client goes. */
function discardBody(incoming: IncomingMessage, max: number, done: (tooLarge: boolean) => void): void {
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > max) end(true);
  };
  const onEnd = () => end(false);
  const end = (tooLarge: boolean) => {
    incoming.off('data', onData).off('end', onEnd);
    incoming.resume();
    done(tooLarge);
  };
  incoming
    .on('data', onData)
    .on('end', onEnd)
    .on('error', () => incoming.destroy());
}

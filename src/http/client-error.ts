/**
 * Responses to what node's parser refuses, in the listener's form: node's own are empty and untyped.
 *
 * Only the error's code is read. Its `rawPacket` holds the header as it came, the token included.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequest, RequestHeaderFieldsTooLarge, RequestTimeout, type WalletcredsError } from '../lib/errors.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { ErrorSerializer, HttpResponse } from './response.ts';

/** How long a refused connection may go on sending. A connection closed at once is reset, and the response lost; ms. */
const LINGER_MS = 500;

/** How long a refusal waits for the responses before it. None takes longer than a second; ms. */
const MAX_WAIT_MS = 5_000;

/** @returns the code it is refused with; undefined where there is nobody to respond to */
export function refuseClientError(
  error: Error,
  socket: Socket,
  at: { connections: Connections; serializeError: ErrorSerializer },
): string | undefined {
  const connection = at.connections.of(socket);
  const code = (error as { code?: unknown }).code;
  const parsed = typeof code === 'string' && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT');
  // A TLS handshake that fails comes here too; a response would have to be encrypted.
  if (connection === undefined || !parsed || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  // Each further piece of a refused connection fails again.
  if (connection.cutOff) return undefined;
  connection.cutOff = true;
  const timer = setTimeout(() => socket.destroy(), MAX_WAIT_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  const refusal = clientError(code);
  afterResponses(connection, () => writeToSocket(socket, at.serializeError(refusal, [])));
  return refusal.code;
}

/** Calls back when the responses to earlier requests are over: the client would take the refusal for one of them. */
function afterResponses(connection: Connection, then: () => void): void {
  const { latest } = connection;
  const broken = latest !== undefined && !latest.req.complete ? 1 : 0;
  if (broken === 1 && latest?.headersSent) {
    // The request that breaks off has its response already.
    connection.socket.destroy();
    return;
  }
  const look = () => {
    if (connection.owed > broken) return;
    connection.onAnswered = undefined;
    then();
  };
  connection.onAnswered = look;
  look();
}

/** Node's parser code → our error. */
export function clientError(code: unknown): WalletcredsError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new RequestHeaderFieldsTooLarge('the request header is over 16 KiB');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RequestTimeout('the request took too long to arrive');
    default:
      return new BadRequest('the request is not well-formed HTTP/1.1');
  }
}

/** Writes a whole response to a bare socket and closes it. */
export function writeToSocket(socket: Socket, { status, headers, body }: HttpResponse): void {
  if (!socket.writable) return;
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

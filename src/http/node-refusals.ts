/**
 * What node's parser refuses by itself, in our form: its own answers are empty and untyped.
 *
 * Of the error only the code is read. Its `rawPacket` holds the header as it came, the token included.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequest, RequestHeaderFieldsTooLarge, RequestTimeout, type WalletcredsError } from '../errors.ts';
import type { Answer, ErrorForm } from './answer.ts';

/** @returns the code it was refused with, `ConnectionLost` where nobody was left to answer */
export function refuseByNode(error: Error, socket: Socket, form: ErrorForm): string {
  const code = (error as { code?: unknown }).code;
  // `_httpMessage` would tell whether an answer is under way; bytesWritten without a request in flight can't, so a
  // connection whose stream is gone or ending is left to end.
  if (code === 'ECONNRESET' || code === 'EPIPE' || !socket.writable || socket.destroyed) {
    socket.destroy();
    return 'ConnectionLost';
  }
  const refusal = refusalFor(code);
  writeRaw(socket, form(refusal, ['GET']));
  return refusal.code;
}

/** node's parser code → ours. */
export function refusalFor(code: unknown): WalletcredsError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new RequestHeaderFieldsTooLarge('the request header is over 16 KiB');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RequestTimeout('the request took too long to arrive');
    default:
      return new BadRequest('the request is not well-formed HTTP/1.1');
  }
}

/** Writes a whole answer to a bare socket and closes it. */
export function writeRaw(socket: Socket, { status, headers, body }: Answer): void {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  socket.end(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`, () => socket.destroySoon());
}

/**
 * What node's parser refuses by itself, in our form: its own answers are empty and untyped.
 *
 * Of the error only the code is read. Its `rawPacket` holds the header as it came, the token included.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequest, RequestHeaderFieldsTooLarge, RequestTimeout, type WalletcredsError } from '../lib/errors.ts';
import { answerDue } from './answer-due.ts';
import type { Answer, ErrorForm } from './response.ts';

/** How long a refused connection may go on sending before it is cut: closed at once, its reset would eat the answer; ms. */
const LINGER = 500;

/** How long a refusal may wait for the answers before it; ms. None takes longer than a second. */
const PATIENCE = 5_000;

const refusedSockets = new WeakSet<Socket>();

/** @returns the code it was refused with; undefined where there is nobody to answer */
export function refuseByNode(error: Error, socket: Socket, form: ErrorForm): string | undefined {
  // What a refused connection still sends fails again, piece by piece.
  if (refusedSockets.has(socket)) return undefined;
  const code = (error as { code?: unknown }).code;
  const parsed = typeof code === 'string' && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT');
  // A failed TLS handshake comes here too, and has nothing that an answer could be written to.
  if (!parsed || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  refusedSockets.add(socket);
  const cut = setTimeout(() => socket.destroy(), PATIENCE).unref();
  socket.once('close', () => clearTimeout(cut));
  const refusal = refusalFor(code);
  afterAnswers(socket, () => writeRaw(socket, form(refusal, [])));
  return refusal.code;
}

/** Calls back once the connection owes no answer to an earlier request, which the client would take this one for. */
function afterAnswers(socket: Socket, then: () => void): void {
  const due = answerDue(socket);
  // A request that never ended is the broken one itself: nobody else's answer is owed.
  if (due === undefined || (!due.req.complete && !due.headersSent)) then();
  else if (due.req.complete) due.once('close', () => afterAnswers(socket, then));
  else socket.destroy();
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
  if (!socket.writable) return;
  socket.end(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
  const cut = setTimeout(() => socket.destroy(), LINGER).unref();
  socket.once('close', () => clearTimeout(cut));
}

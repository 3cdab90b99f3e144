/**
 * A response as a value, how an error becomes one, and how it is written to node's response.
 *
 * @module
 */
import type { ServerResponse } from 'node:http';
import { AuthenticationError, WalletcredsError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';

/** A whole response. It is immutable, so it may be sent more than once. */
export interface HttpResponse {
  readonly status: number;
  /** `Content-Length` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** ASCII is the same bytes in both encodings, and node writes `latin1` without looking for its length again. */
  readonly encoding: 'latin1' | 'utf8';
}

/**
 * How a listener writes its errors: the endpoint and the broker have different wire forms.
 *
 * @param allow the methods for `Allow` of a 405
 */
export type ErrorSerializer = (error: unknown, allow: readonly string[]) => HttpResponse;

/** @param contentType sent as it is: a charset behind `application/json` makes two SDKs lose the error's code */
export function httpResponse(
  status: number,
  contentType: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): HttpResponse {
  const bytes = Buffer.byteLength(body);
  return {
    status,
    headers: {
      'Content-Type': contentType,
      'Content-Length': String(bytes),
      'Cache-Control': 'no-store',
      ...more,
    },
    body,
    encoding: bytes === body.length ? 'latin1' : 'utf8',
  };
}

/** The same response for a Hono app. */
export function webResponse({ status, headers, body }: HttpResponse): Response {
  return new Response(body, { status, headers });
}

/** Writes header and body to the socket in one piece. Nothing happens where the client or another response came first. */
export function writeResponse(outgoing: ServerResponse, { status, headers, body, encoding }: HttpResponse): void {
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, headers);
  const { socket } = outgoing;
  // An earlier response of a client that pipelines still has the socket.
  if (socket === null) {
    outgoing.end(body, encoding);
    return;
  }
  // `end(body)` makes two writes of it, which cost a fifteenth of the throughput; `write` alone would wait for the next tick.
  socket.cork();
  outgoing.write(body, encoding);
  socket.uncork();
  outgoing.end();
}

/** What a client learns of a failure: an error of ours as it is, anything else as a bare 500. */
export function publicError(error: unknown): { status: number; code: string; message: string; transient: boolean } {
  if (error instanceof WalletcredsError) {
    return { ...errorFields(error), status: error.status, transient: error.transient };
  }
  return { status: 500, code: 'InternalFailure', message: 'an internal error; the log has it', transient: false };
}

/**
 * Why something was refused, for the log. The response to a bad credential says only that it isn't known, so that nobody
 * can find out how it must look; the log has the reason.
 */
export function loggedReason(error: unknown): string {
  const told = error instanceof AuthenticationError && error.cause instanceof Error ? error.cause : error;
  return errorFields(told).message;
}

/** Header fields that belong to a status: `Retry-After` to 503, `Allow` to 405, a challenge to 401. */
export function fieldsFor(status: number, allow: readonly string[]): Readonly<Record<string, string>> {
  if (status === 401) return { 'WWW-Authenticate': 'Bearer realm="walletcreds"' };
  if (status === 405) return { Allow: allow.join(', ') };
  if (status === 503) return { 'Retry-After': '1' };
  return {};
}

/** Responses to frozen errors, which say nothing of a single request. */
const prepared = new WeakMap<object, HttpResponse>();

/**
 * The form of endpoint and admin: one line of JSON with `code` and `message`, and the same values as `Code` and `Message`,
 * since SDKs differ in which of them they read.
 */
export const serializeError: ErrorSerializer = (error, allow) => {
  const known = prepared.get(error as object);
  if (known !== undefined) return known;
  const { status, code, message } = publicError(error);
  const body = JSON.stringify({ code, message, Code: code, Message: message });
  const made = httpResponse(status, 'application/json', body, fieldsFor(status, allow));
  // A 405 differs by listener; any other response depends on the error alone.
  if (error instanceof WalletcredsError && Object.isFrozen(error) && status !== 405) prepared.set(error, made);
  return made;
};

/**
 * An answer as a value, and how an error becomes one.
 *
 * Answers are written to node's response directly: status, a flat list of header fields and a body that is a string, so
 * that node sends header and body in one write and no `Response` has to be built and taken apart again.
 *
 * @module
 */

import { AuthenticationError, WalletcredsError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';

/** A whole answer; immutable, so it may be sent more than once. */
export interface Answer {
  readonly status: number;
  /** Names and values by turns, `Content-Length` among them. */
  readonly headers: readonly string[];
  readonly body: string;
  /** How the body's characters become bytes: of ASCII the two say the same, and node writes `latin1` without a second look. */
  readonly encoding: 'latin1' | 'utf8';
}

/** How a listener writes its errors: the endpoint and the broker have different wire forms. */
export type ErrorForm = (error: unknown, allow: readonly string[]) => Answer;

/**
 * @param contentType exact, no charset is added: a suffix makes two SDKs lose the error's code
 * @param more further fields, names and values by turns
 */
export function answer(status: number, contentType: string, body: string, more: readonly string[] = []): Answer {
  const bytes = Buffer.byteLength(body);
  return {
    status,
    headers: ['Content-Type', contentType, 'Content-Length', String(bytes), 'Cache-Control', 'no-store', ...more],
    body,
    encoding: bytes === body.length ? 'latin1' : 'utf8',
  };
}

/** A failure's public face: what is ours as it is, anything else as a bare 500 that tells nothing. */
export function publicError(error: unknown): { status: number; code: string; message: string; transient: boolean } {
  if (error instanceof WalletcredsError) {
    return { ...errorFields(error), status: error.status, transient: error.transient };
  }
  return { status: 500, code: 'InternalFailure', message: 'an internal error; the log has it', transient: false };
}

/**
 * Why something was refused, for the log. Of a proof the answer says no more than that it isn't known, so that nobody can
 * feel his way; whoever runs the process is told what was wrong with it.
 */
export function loggedReason(error: unknown): string {
  const told = error instanceof AuthenticationError && error.cause instanceof Error ? error.cause : error;
  return errorFields(told).message;
}

/** Header fields that a status brings along: `Retry-After` with 503, `Allow` with 405. */
export function fieldsFor(status: number, allow: readonly string[]): string[] {
  if (status === 503) return ['Retry-After', '1'];
  if (status === 405) return ['Allow', allow.join(', ')];
  return [];
}

/** Of errors that are one and the same each time. */
const standingAnswers = new WeakMap<object, Answer>();

/**
 * The endpoint's form, which admin uses as well: one line of JSON with `code` and `message`, and the same values as
 * `Code` and `Message`, since SDKs differ in which of them they read.
 */
export const credentialsErrorForm: ErrorForm = (error, allow) => {
  const known = standingAnswers.get(error as object);
  if (known !== undefined) return known;
  const { status, code, message } = publicError(error);
  const body = JSON.stringify({ code, message, Code: code, Message: message });
  const made = answer(status, 'application/json', body, fieldsFor(status, allow));
  // A 405 says what this listener allows; anything else depends on the error alone.
  if (error instanceof WalletcredsError && Object.isFrozen(error) && status !== 405) standingAnswers.set(error, made);
  return made;
};

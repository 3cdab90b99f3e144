/**
 * What went wrong with a call that leaves the process.
 *
 * @module
 */

/** What went wrong on the way out, without a word of what was sent or answered. */
export type OutboundFailure =
  | 'UrlNotAllowed'
  | 'CaUnreadable'
  | 'Redirected'
  | 'TimedOut'
  | 'TooLarge'
  | 'Aborted'
  | 'NetworkError';

export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly code: OutboundFailure;

  constructor(code: OutboundFailure, message: string) {
    super(message);
    this.code = code;
  }
}

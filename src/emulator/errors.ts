/**
 * Refusals as STS words them: a code that SDKs branch on, a message, an HTTP status. Codes and statuses are those of the
 * STS API reference and its "Common errors"; the messages are the real service's where they are known.
 *
 * @module
 */

/** The statuses of codes that are not 400: of the service model and of the common errors. */
const STATUS: ReadonlyMap<string, number> = new Map([
  ['AccessDenied', 403],
  ['ExpiredToken', 403],
  ['IDPRejectedClaim', 403],
  ['InvalidClientTokenId', 403],
  ['MissingAuthenticationToken', 403],
  ['RegionDisabledException', 403],
  ['SignatureDoesNotMatch', 403],
  ['MalformedQueryString', 404],
  ['RequestEntityTooLarge', 413],
  ['InternalFailure', 500],
  ['ServiceUnavailable', 503],
]);

/** A refusal on the wire. `Sender` unless the status is 5xx. */
export class StsError extends Error {
  override readonly name = 'StsError';
  readonly code: string;
  readonly status: number;

  /** @param status default: what AWS answers with the code; 400 for one that is not known here */
  constructor(code: string, message: string, status = STATUS.get(code) ?? 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** One violated constraint of a parameter, in the form of {@link validationError}. */
export interface Violation {
  /** The parameter as STS spells it: `roleSessionName`. */
  readonly at: string;
  /** What was sent; `null` where nothing was. Long and secret values are shown as `***` by the caller. */
  readonly value: string | null;
  /** `Member must …` */
  readonly constraint: string;
}

/** All violations in one sentence, as the real service counts them. */
export function validationError(violations: readonly Violation[]): StsError {
  const told = violations.map(({ at, value, constraint }) => {
    const shown = value === null ? 'null' : `'${value.length > 200 ? `${value.slice(0, 199)}…` : value}'`;
    return `Value ${shown} at '${at}' failed to satisfy constraint: ${constraint}`;
  });
  const head = told.length === 1 ? '1 validation error' : `${told.length} validation errors`;
  return new StsError('ValidationError', `${head} detected: ${told.join('; ')}`);
}

export const accessDenied = (message: string): StsError => new StsError('AccessDenied', message);

export const invalidIdentityToken = (message: string): StsError => new StsError('InvalidIdentityToken', message);

/** STS says the same for an unreachable issuer, a foreign discovery document and a key that isn't in the JWKS. */
export const noVerificationKey = (why: string): StsError =>
  invalidIdentityToken(
    `Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements (${why})`,
  );

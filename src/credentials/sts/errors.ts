/**
 * Classifies STS's errors by code and HTTP status: final, transient, or throttled.
 *
 * The code is read from the raw body. Ceph sends S3's `<Error><Code>` where AWS sends `<ErrorResponse><Error><Code>`,
 * and the SDK shows `Unknown` for it. Where no code can be read (a proxy's HTML page, an empty body) the status alone
 * decides.
 *
 * @module
 */

import { masked } from '../../lib/text/masked.ts';
import { StsRefused, type StsUnavailable, unavailable } from './unavailable.ts';

/** Codes by which STS says that it is asked too often; beside them everything with `Throttled` in it. */
const THROTTLED =
  /^(Throttl|TooManyRequests|LimitExceeded)|^(RequestLimitExceeded|BandwidthLimitExceeded|PriorRequestNotComplete|SlowDown)$/;

/** Codes of failures that pass although STS sends them with a 4xx: its own faults, and an issuer that it can't reach. */
const TRANSIENT =
  /^(IDPCommunicationError|ServiceUnavailable|InternalServer|RequestTimeout)|^(InternalFailure|InternalError)$/;

/** An issuer whose keys STS can't fetch in time. Every other InvalidIdentityToken is final. */
const KEY_NOT_RETRIEVED = "Couldn't retrieve verification key";

/** Codes of a JWT that was too old: a fresh one may do. */
const EXPIRED = /^ExpiredToken(Exception)?$/;

/** Whether a fresh JWT may be accepted. */
export function isExpiredToken(error: unknown): error is StsRefused {
  return error instanceof StsRefused && EXPIRED.test(error.code);
}

/** What of a response decides; `body` is at most the transport's size limit. */
export interface RefusedAnswer {
  readonly status: number;
  readonly body: string;
  readonly requestId: string | undefined;
}

/**
 * Sorts a response that is not a 200.
 *
 * @param place the endpoint's origin, for the message
 */
export function failureOf({ status, body, requestId }: RefusedAnswer, place: string): StsRefused | StsUnavailable {
  if (status >= 300 && status < 400) {
    return unavailable(
      `STS at ${place} answers ${status}, a redirect, and redirects are not followed: set sts.endpoint to the final address`,
      { requestId },
    );
  }
  const code = elementOf(body, 'Code');
  const named = code !== undefined && /^[A-Za-z][A-Za-z0-9._]{0,63}$/.test(code) ? code : undefined;
  const text = elementOf(body, 'Message') ?? (named === undefined ? 'no error code in the answer' : '');
  const message = `STS at ${place} answers ${status}${named === undefined ? '' : ` ${named}`}${text === '' ? '' : `: ${text}`}`;
  const throttled = status === 429 || (named !== undefined && isThrottled(named));
  if (throttled || status < 400 || isTransient(status, named, text)) {
    return unavailable(message, { requestId, throttled });
  }
  return new StsRefused(named ?? (status === 403 ? 'AccessDenied' : 'StsRefused'), masked(message), { requestId });
}

function isThrottled(code: string): boolean {
  return THROTTLED.test(code) || code.includes('Throttled');
}

function isTransient(status: number, code: string | undefined, text: string): boolean {
  if (status >= 500 || status === 408) return true;
  if (code === undefined) return ![400, 401, 403].includes(status);
  return TRANSIENT.test(code) || (code === 'InvalidIdentityToken' && text.startsWith(KEY_NOT_RETRIEVED));
}

/** The text of the first such element, cut at 2,000 characters, entities decoded. No XML parser is trusted with the body. */
export function elementOf(xml: string, name: string): string | undefined {
  const open = xml.indexOf(`<${name}>`);
  if (open < 0) return undefined;
  const from = open + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  if (end < 0) return undefined;
  return xml
    .slice(from, Math.min(end, from + 2_000))
    .replace(/&(lt|gt|quot|apos|amp|#39|#x27);/g, (_, e: string) => ENTITIES[e] ?? '')
    .replace(/\s+/g, ' ')
    .trim();
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
  '#x27': "'",
  amp: '&',
};

/**
 * What STS's "no" means: a final refusal or a failure that may pass, told by its error code and its HTTP status.
 *
 * The code is read out of the raw body, since Ceph answers S3's `<Error><Code>` where AWS answers
 * `<ErrorResponse><Error><Code>`, and the SDK knows only the latter (it shows `Unknown`). Where no code can be read
 * (a proxy's HTML page, an empty body) the status alone decides.
 *
 * @module
 */

import { masked } from '../../lib/text/masked.ts';
import { StsRefused, type StsUnavailable, unavailable } from './unavailable.ts';

/** Codes that pass by themselves although STS sends them with a 4xx: throttling, and an issuer that STS can't reach. */
const TRANSIENT =
  /^(Throttl|TooManyRequests|LimitExceeded|IDPCommunicationError|ServiceUnavailable|InternalServer|RequestTimeout)|^(RequestLimitExceeded|BandwidthLimitExceeded|PriorRequestNotComplete|SlowDown|InternalFailure|InternalError)$/;

function isTransient(code: string): boolean {
  return TRANSIENT.test(code) || code.includes('Throttled');
}

/** Codes of a JWT that was too old: a fresh one may do. */
const EXPIRED = /^ExpiredToken(Exception)?$/;

/** Whether a refusal is one that a fresh JWT may mend. */
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
  const transient =
    status >= 500 ||
    status === 429 ||
    status === 408 ||
    (named === undefined ? status !== 400 && status !== 403 && status !== 401 : isTransient(named));
  if (transient || status < 400) return unavailable(message, { requestId });
  return new StsRefused(named ?? (status === 403 ? 'AccessDenied' : 'StsRefused'), masked(message), { requestId });
}

/** The text of the first such element, entities decoded; undefined where there is none. The body is not ours: no parser is trusted with it. */
export function elementOf(xml: string, name: string): string | undefined {
  const open = xml.indexOf(`<${name}>`);
  if (open < 0) return undefined;
  const from = open + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  if (end < 0) return undefined;
  return xml
    .slice(from, Math.min(end, from + 2_000))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, e: string) => ENTITIES[e] ?? '')
    .replace(/\s+/g, ' ')
    .trim();
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

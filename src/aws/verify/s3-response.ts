/**
 * What a store's answers mean. Only S3's own form of an answer counts. A proxy's page with status 403 is not a refusal, and
 * one with status 200 is not a listing.
 *
 * @module
 */

import { OutboundError, type OutboundResponse } from '../../lib/http-client.ts';
import { masked } from '../../lib/text/masked.ts';
import { decoded, elements, textOf } from '../../lib/xml.ts';

/** An answer of S3, by what it means. */
export type S3Answer =
  | { readonly kind: 'listed'; readonly keys: readonly string[] }
  /** An object was read or deleted. */
  | { readonly kind: 'allowed' }
  /** A put that was permitted. `stored`: the store kept the object; `left`: its key, where it could not be deleted again. */
  | { readonly kind: 'taken'; readonly stored: boolean; readonly left?: string }
  /** S3's AccessDenied, nothing else; `message`: why, in S3's words. */
  | { readonly kind: 'denied'; readonly message: string }
  | { readonly kind: 'no-such-key' }
  /** This store has no such call, for nobody. */
  | { readonly kind: 'unsupported'; readonly detail: string }
  | { readonly kind: 'unclear'; readonly problem: S3Problem; readonly detail: string };

/** Why a step says nothing about the isolation; also an anchor in docs/symptoms.md. */
export type S3Problem =
  | 'verify-region'
  | 'verify-no-bucket'
  | 'verify-not-s3'
  | 'verify-credentials'
  | 'verify-unreachable';

const PROBLEMS: Readonly<Record<string, S3Problem>> = {
  NoSuchBucket: 'verify-no-bucket',
  InvalidBucketName: 'verify-no-bucket',
  PermanentRedirect: 'verify-region',
  TemporaryRedirect: 'verify-region',
  AuthorizationHeaderMalformed: 'verify-region',
  IllegalLocationConstraintException: 'verify-region',
  InvalidAccessKeyId: 'verify-credentials',
  SignatureDoesNotMatch: 'verify-credentials',
  ExpiredToken: 'verify-credentials',
  InvalidToken: 'verify-credentials',
  RequestTimeTooSkewed: 'verify-credentials',
};

const LISTINGS = ['ListBucketResult', 'ListVersionsResult', 'ListMultipartUploadsResult'];

export function listingOf(answer: OutboundResponse): S3Answer {
  if (answer.status !== 200) {
    const refused = refusal(answer);
    // A listing knows no keys that aren't there.
    return refused.kind === 'no-such-key' ? notS3('it answers a listing with NoSuchKey') : refused;
  }
  const result = LISTINGS.flatMap(name => elements(answer.body, name)).at(0);
  return result === undefined
    ? notS3('it answers 200, but with no listing')
    : { kind: 'listed', keys: elements(result, 'Key').map(decoded) };
}

export function objectOf(answer: OutboundResponse): S3Answer {
  const { status, body } = answer;
  // InvalidRange: the object is there and empty.
  const got = status === 200 || status === 206 || (status === 416 && codeOf(body) === 'InvalidRange');
  if (!got) return refusal(answer);
  return isPage(answer) ? notS3(`it answers ${status} with HTML`) : { kind: 'allowed' };
}

export function deleteOf(answer: OutboundResponse): S3Answer {
  const meaning = putOf(answer);
  return meaning.kind === 'taken' ? { kind: 'allowed' } : meaning;
}

export function putOf(answer: OutboundResponse): S3Answer {
  const { status, body } = answer;
  if (status === 200 || status === 201 || status === 204)
    return isPage(answer) ? notS3(`it answers ${status} with HTML`) : { kind: 'taken', stored: true };
  const code = codeOf(body);
  // The digest is compared once the body is there, and the body is read only of who may put.
  if (status === 400 && code === 'BadDigest') return { kind: 'taken', stored: false };
  if (code === undefined && !isPage(answer) && (status === 405 || status === 501))
    return { kind: 'unsupported', detail: `it answers ${status}` };
  return refusal(answer);
}

/** The meaning of a call that got no answer. */
export function unreached(error: unknown, region: string): S3Answer & { kind: 'unclear' } {
  if (error instanceof OutboundError && error.code === 'Redirected') {
    const detail = `${error.message}: the bucket is in another region than ${region}, or behind another endpoint`;
    return { kind: 'unclear', problem: 'verify-region', detail };
  }
  const detail = error instanceof Error ? masked(error.message) : String(error);
  return { kind: 'unclear', problem: 'verify-unreachable', detail };
}

function refusal({ status, body }: OutboundResponse): S3Answer {
  const code = codeOf(body);
  if (status === 403 && code === 'AccessDenied') return { kind: 'denied', message: reasonOf(body) };
  if (status === 404 && code === 'NoSuchKey') return { kind: 'no-such-key' };
  if (code === 'NotImplemented' || code === 'MethodNotAllowed')
    return { kind: 'unsupported', detail: `it answers ${status} ${code}` };
  if (code === undefined) return notS3(`it answers ${status}, and not as S3 does`);
  const region = textOf(body, 'Region');
  const detail = masked(`it answers ${status} ${code}${region === undefined ? '' : ` (region ${region})`}`);
  return { kind: 'unclear', problem: PROBLEMS[code] ?? 'verify-unreachable', detail };
}

/** Without the session's long name, which would push the reason at the end out of the line. */
function reasonOf(body: string): string {
  return masked((textOf(body, 'Message') ?? '').replace(/^User: \S{1,300} is /, ''));
}

function codeOf(body: string): string | undefined {
  return elements(body, 'Error').length > 0 ? textOf(body, 'Code') : undefined;
}

/** A page, and not one that is stored there: every answer of S3 has its request's id. */
function isPage({ headers, body }: OutboundResponse): boolean {
  const html = /text\/html/i.test(headers['content-type'] ?? '') || /^\s*<(!doctype html|html)\b/i.test(body);
  return html && headers['x-amz-request-id'] === undefined;
}

function notS3(detail: string): S3Answer {
  return { kind: 'unclear', problem: 'verify-not-s3', detail };
}

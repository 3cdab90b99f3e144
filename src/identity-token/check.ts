/**
 * The last look at an identity token before STS sees it, whatever its source: signed here, fetched from a broker, or read
 * from a file. It must name this workload's wallet and nothing else that a policy could act on.
 *
 * The signature is not checked here: that is what STS does. This is the check that STS can't make, that the token is the
 * one for *this* workload; it trusts nothing in the token, and reads it so that no second reading is possible.
 *
 * @module
 */
import { TagMismatch } from '../lib/errors.ts';
import { isObject, parseStrictJson, StrictJsonError } from '../lib/json.ts';
import { foldTagKey as fold } from '../workload/tag-key.ts';
import { isWallet } from '../workload/wallet.ts';
import type { Workload } from '../workload/workload.ts';
import { subjectOf, TAGS_CLAIM } from './claims.ts';
import type { IdentityToken } from './identity-token.ts';

/** AWS's own limit for `WebIdentityToken`. */
export const MAX_TOKEN_LENGTH = 20_000;
/** The longest life that a projected token has by default on EKS, plus a minute for clocks. */
const MAX_LIFE_SECONDS = 24 * 3600 + 60;
const AWS_CLAIMS = 'https://aws.amazon.com/';
/** The algorithms that STS accepts. `none` and symmetric algorithms are refused. */
const ALGORITHM = /^(RS|PS|ES)(256|384|512)$/;

export interface ExpectedToken {
  /** Byte for byte; any issuer where absent (a broker's or a file's, which STS knows by its registration). */
  readonly issuer?: string;
  readonly audience: string;
  /** Wall time in ms. */
  readonly now: number;
}

/**
 * @param workload whose wallet and tags must be in it, all of them and no more
 * @returns the token, with the claims that the program uses
 * @throws TagMismatch naming the claim; the message never quotes the token
 */
export function checkIdentityToken(jwt: string, workload: Workload, expected: ExpectedToken): IdentityToken {
  const { header, payload } = decode(jwt);
  const { iss, sub, aud, exp } = payload;
  if (typeof iss !== 'string' || iss === '') fail('iss', 'is missing or no string');
  if (expected.issuer !== undefined && iss !== expected.issuer) fail('iss', `is not ${expected.issuer}, byte for byte`);
  if ((Array.isArray(aud) && aud.length === 1 ? aud[0] : aud) !== expected.audience) {
    fail('aud', `is not exactly "${expected.audience}"`);
  }
  checkTime(exp, expected.now);
  if (typeof sub !== 'string' || sub === '') fail('sub', 'is missing or no string');
  const ours = subjectOf(workload.wallet);
  if (sub.toLowerCase().startsWith(subjectOf('')) && sub !== ours) fail('sub', `is not ${ours}`);
  if (Object.hasOwn(payload, workload.walletTag) && payload[workload.walletTag] !== workload.wallet) {
    fail(workload.walletTag, foreign(payload[workload.walletTag], workload.wallet));
  }
  return Object.freeze({
    jwt,
    issuer: iss,
    subject: sub,
    audience: expected.audience,
    expiresAt: exp,
    keyId: typeof header['kid'] === 'string' ? header['kid'] : undefined,
    tagged: checkTags(payload, workload),
  });
}

function decode(jwt: string): { header: Record<string, unknown>; payload: Record<string, unknown> } {
  if (jwt.length > MAX_TOKEN_LENGTH) fail('(token)', `is longer than ${MAX_TOKEN_LENGTH} characters, AWS's limit`);
  const parts = jwt.split('.');
  if (parts.length !== 3) fail('(token)', 'is no compact JWT of three parts');
  const [first, second, third] = parts as [string, string, string];
  const header = objectOf('(header)', first);
  if (typeof header['alg'] !== 'string' || !ALGORITHM.test(header['alg'])) {
    fail('alg', 'is no asymmetric signature algorithm that STS takes');
  }
  if (header['crit'] !== undefined || header['b64'] !== undefined) fail('crit', 'is not taken in the header');
  if (bytesOf('(signature)', third).length === 0) fail('(signature)', 'is empty');
  return { header, payload: objectOf('(payload)', second) };
}

/** Base64url in its one canonical form: no padding, no other alphabet, no stray bits. */
function bytesOf(part: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) fail(part, 'is not base64url');
  return bytes;
}

function objectOf(part: string, encoded: string): Record<string, unknown> {
  const bytes = bytesOf(part, encoded);
  try {
    const value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch (error) {
    if (error instanceof StrictJsonError) fail(error.member === undefined ? part : quoted(error.member), error.message);
    return fail(part, 'is not UTF-8');
  }
  return fail(part, 'is no JSON object');
}

function checkTime(exp: unknown, now: number): asserts exp is number {
  if (typeof exp !== 'number' || !Number.isFinite(exp)) fail('exp', 'is missing or no number');
  const left = Math.floor(exp - now / 1000);
  if (left <= 0) fail('exp', `passed ${-left} s ago by this machine's clock; check the clock and the token's source`);
  if (left > MAX_LIFE_SECONDS) fail('exp', 'is more than 24 hours away');
}

/** @returns whether the wallet is in it as a principal tag; false only where a session policy confines a file's token */
function checkTags(payload: Record<string, unknown>, workload: Workload): boolean {
  for (const claim of Object.keys(payload)) {
    // STS also takes tags flattened into claims of their own, and a source identity.
    if (claim !== TAGS_CLAIM && fold(claim).startsWith(AWS_CLAIMS))
      fail(quoted(claim), 'is an AWS claim that is not taken');
  }
  const expected = new Map([...Object.entries(workload.tags), [workload.walletTag, workload.wallet]]);
  if (!Object.hasOwn(payload, TAGS_CLAIM)) {
    const confined = workload.identityToken.kind === 'file' && workload.sessionPolicy !== undefined;
    if (confined && expected.size === 1) return false;
    fail(TAGS_CLAIM, `is missing, so the session would have no ${workload.walletTag}${remedy(workload)}`);
  }
  const tags = payload[TAGS_CLAIM];
  if (!isObject(tags)) return fail(TAGS_CLAIM, 'is no object');
  for (const member of Object.keys(tags)) {
    if (member !== 'principal_tags' && member !== 'transitive_tag_keys')
      fail(quoted(member), `is not taken in ${TAGS_CLAIM}`);
  }
  const principal = Object.hasOwn(tags, 'principal_tags') ? tags['principal_tags'] : undefined;
  if (!isObject(principal)) return fail('principal_tags', 'is no object');
  const seen = new Set<string>();
  for (const [key, given] of Object.entries(principal)) {
    if (seen.has(fold(key))) fail(quoted(key), 'occurs twice in principal_tags, but for case, which STS ignores');
    seen.add(fold(key));
    const value = expected.get(key);
    if (value === undefined) fail(quoted(key), 'in principal_tags is no tag of this workload');
    if ((Array.isArray(given) && given.length === 1 ? given[0] : given) !== value)
      fail(quoted(key), foreign(given, value));
  }
  for (const key of expected.keys()) {
    if (!Object.hasOwn(principal, key)) fail(key, 'is missing in principal_tags, but the workload has that tag');
  }
  const transitive = Object.hasOwn(tags, 'transitive_tag_keys') ? tags['transitive_tag_keys'] : [];
  if (!Array.isArray(transitive) || transitive.length > 1 || transitive.some(key => key !== workload.walletTag)) {
    fail('transitive_tag_keys', `holds more than "${workload.walletTag}"`);
  }
  return true;
}

function remedy({ identityToken }: Workload): string {
  return identityToken.kind === 'file' ? '; a token without tags needs a session_policy_file' : '';
}

/** A value may be shown only where it is a plain wallet: anything else could be a secret, or made to fool a reader. */
function foreign(given: unknown, value: string): string {
  const one = Array.isArray(given) && given.length === 1 ? given[0] : given;
  return isWallet(one) ? `names ${one} and not ${value}` : `is not exactly "${value}"`;
}

/** A name out of the token, cut and without characters that could break a line of the log. */
function quoted(name: string): string {
  return name.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}

function fail(claim: string, what: string): never {
  throw new TagMismatch(claim, `the identity token is refused: ${claim} ${what}`);
}

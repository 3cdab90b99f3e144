/**
 * Session tags of a web identity token, in both claim forms that STS takes: nested under `https://aws.amazon.com/tags`,
 * and flattened, one claim a tag (`https://aws.amazon.com/tags/principal_tags/<Key>`). Keys are equal without regard to
 * case, as in IAM.
 *
 * @module
 */
import { isObject } from '../lib/json.ts';
import { invalidIdentityToken, StsError, type Violation, validationError } from './errors.ts';

const TAGS = 'https://aws.amazon.com/tags';
const FLAT_TAG = `${TAGS}/principal_tags/`;
const FLAT_TRANSITIVE = `${TAGS}/transitive_tag_keys`;
const MAX_TAGS = 50;
const MAX_KEY = 128;
const MAX_VALUE = 256;
/** IAM's: letters, separators, digits of any script, and `_.:/=+-@`. */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const PATTERN = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]';

export interface SessionTags {
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
}

/** @throws StsError where a claim has the wrong shape, a limit is passed, or a key comes twice */
export function sessionTags(claims: Readonly<Record<string, unknown>>): SessionTags {
  const pairs: [string, string][] = [];
  const transitiveTagKeys: string[] = [];
  const nested = claims[TAGS];
  if (nested !== undefined) {
    const { principal_tags: tags = {}, transitive_tag_keys: transitive = [] } = object(nested, TAGS);
    for (const [key, value] of Object.entries(object(tags, `${TAGS} principal_tags`)))
      pairs.push([key, single(value, key)]);
    transitiveTagKeys.push(...list(transitive, `${TAGS} transitive_tag_keys`));
  }
  for (const [claim, value] of Object.entries(claims)) {
    if (claim.startsWith(FLAT_TAG)) pairs.push([claim.slice(FLAT_TAG.length), single(value, claim)]);
    if (claim === FLAT_TRANSITIVE) transitiveTagKeys.push(...list(value, claim));
  }
  return checked(pairs, transitiveTagKeys);
}

function checked(pairs: readonly [string, string][], transitiveTagKeys: readonly string[]): SessionTags {
  check(pairs);
  const folded = new Set(pairs.map(([key]) => key.toLowerCase()));
  if (folded.size !== pairs.length) {
    throw new StsError(
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
  if (transitiveTagKeys.some(key => !folded.has(key.toLowerCase()))) {
    throw new StsError(
      'InvalidParameterValue',
      'The specified transitive tag key must be included in the requested tags.',
    );
  }
  return { tags: Object.fromEntries(pairs), transitiveTagKeys };
}

/** Session tags as parameters: `Tags.member.N.Key`, `Tags.member.N.Value`, `TransitiveTagKeys.member.N`. @throws StsError */
export function requestTags(params: ReadonlyMap<string, string>): SessionTags {
  const pairs = [...params].flatMap(([name, key]): [string, string][] => {
    const [, index] = /^Tags\.member\.(\d{1,3})\.Key$/.exec(name) ?? [];
    return index === undefined ? [] : [[key, params.get(`Tags.member.${index}.Value`) ?? '']];
  });
  const transitive = [...params].filter(([name]) => /^TransitiveTagKeys\.member\.\d{1,3}$/.test(name));
  return checked(
    pairs,
    transitive.map(([, key]) => key),
  );
}

/** The session's tags over the role's: a key that differs in case alone is the same key. */
export function principalTags(
  role: Readonly<Record<string, string>>,
  session: Readonly<Record<string, string>>,
): Record<string, string> {
  const taken = new Set(Object.keys(session).map(key => key.toLowerCase()));
  return { ...Object.fromEntries(Object.entries(role).filter(([key]) => !taken.has(key.toLowerCase()))), ...session };
}

function check(pairs: readonly [string, string][]): void {
  const violations: Violation[] = [];
  const say = (at: string, value: string, constraint: string) => violations.push({ at, value, constraint });
  if (pairs.length > MAX_TAGS)
    say('tags', `${pairs.length} tags`, `Member must have length less than or equal to ${MAX_TAGS}`);
  for (const [index, [key, value]] of pairs.slice(0, MAX_TAGS).entries()) {
    const at = `tags.${index + 1}.member`;
    if (key === '') say(`${at}.key`, key, 'Member must have length greater than or equal to 1');
    if ([...key].length > MAX_KEY) say(`${at}.key`, key, `Member must have length less than or equal to ${MAX_KEY}`);
    if (!CHARACTERS.test(key)) say(`${at}.key`, key, `Member must satisfy regular expression pattern: ${PATTERN}+`);
    if (key.toLowerCase().startsWith('aws:')) say(`${at}.key`, key, 'Member must not begin with aws:');
    if ([...value].length > MAX_VALUE)
      say(`${at}.value`, value, `Member must have length less than or equal to ${MAX_VALUE}`);
    if (!CHARACTERS.test(value))
      say(`${at}.value`, value, `Member must satisfy regular expression pattern: ${PATTERN}*`);
  }
  if (violations.length > 0) throw validationError(violations);
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw invalidIdentityToken(`The claim ${where} must be an object`);
}

function list(value: unknown, where: string): string[] {
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value;
  throw invalidIdentityToken(`The claim ${where} must be a list of strings`);
}

function single(value: unknown, where: string): string {
  const first: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof first === 'string') return first;
  throw invalidIdentityToken(`The value of the tag ${where.slice(0, 255)} must be a string or a list of one string`);
}

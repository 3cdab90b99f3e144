/**
 * What IAM's documents are made of: its condition operators, and the wrappings in which the AWS CLI prints a policy.
 *
 * @module
 */
import { isObject, parseStrictJson, StrictJsonError } from '../../../lib/json.ts';

export type Json = Record<string, unknown>;

/** Without modifiers (`ForAnyValue:`, `…IfExists`). */
export const OPERATORS = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericLessThanEquals',
  'NumericGreaterThan',
  'NumericGreaterThanEquals',
  'DateEquals',
  'DateNotEquals',
  'DateLessThan',
  'DateLessThanEquals',
  'DateGreaterThan',
  'DateGreaterThanEquals',
  'Bool',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
  'Null',
];

export interface Unwrapped {
  readonly document: unknown;
  readonly tags: { key: string; value: string }[];
  /** Members that stand twice in one object: readers differ on which one counts. */
  readonly twice: string[];
}

/** Takes off what `get-role`, `get-role-policy`, `get-bucket-policy` and `get-policy-version` put around a policy. */
export function unwrapped(text: string): Unwrapped {
  let document: unknown = text;
  let tags: Unwrapped['tags'] = [];
  const twice: string[] = [];
  // Each round takes one wrapping off; real ones are at most three deep.
  for (let round = 0; round < 5; round++) {
    if (typeof document === 'string') {
      const json = percentDecoded(document);
      try {
        document = JSON.parse(json);
      } catch {
        return { document, tags, twice };
      }
      const member = repeatedMember(json);
      if (member !== undefined) twice.push(member);
    }
    if (!isObject(document)) break;
    const inner: unknown =
      document['Role'] ??
      document['PolicyVersion'] ??
      document['AssumeRolePolicyDocument'] ??
      document['PolicyDocument'] ??
      document['Document'] ??
      document['Policy'];
    if (Array.isArray(document['Tags'])) {
      tags = document['Tags'].filter(isObject).map(t => ({ key: String(t['Key']), value: String(t['Value']) }));
    }
    if (inner === undefined) break;
    document = inner;
  }
  return { document, tags, twice };
}

/** As IAM sends documents; white space may stand in front. */
export function percentDecoded(text: string): string {
  if (!/^\s*%/.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function repeatedMember(json: string): string | undefined {
  try {
    parseStrictJson(json);
  } catch (error) {
    if (error instanceof StrictJsonError) return error.member;
  }
  return undefined;
}

/**
 * What IAM's documents are made of: its condition operators, and the wrappings in which the AWS CLI prints a policy.
 *
 * @module
 */
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

/** Takes off what `get-role`, `get-role-policy`, `get-bucket-policy` and `get-policy-version` put around a policy. */
export function unwrapped(value: unknown): { document: unknown; tags: { key: string; value: string }[] } {
  let document = value;
  let tags: { key: string; value: string }[] = [];
  // Each round takes one wrapping off; real ones are at most three deep.
  for (let round = 0; round < 4; round++) {
    if (typeof document === 'string') {
      try {
        document = JSON.parse(document.startsWith('%7B') ? decodeURIComponent(document) : document);
      } catch {
        return { document, tags };
      }
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
  return { document, tags };
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

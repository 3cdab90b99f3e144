/**
 * What the AWS CLI prints around a policy, taken off: `get-role`, `get-role-policy`, `get-policy-version`, and
 * `get-bucket-policy`, which gives a JSON text within JSON.
 *
 * @module
 */
import { isObject } from '../../../lib/json.ts';
import type { Report } from '../../iam/elements.ts';
import { parseText } from '../../iam/parse.ts';

export interface Unwrapped {
  /** The policy as a value; undefined where the text holds none, which is reported. */
  readonly document: unknown;
  /** Tags of the role, where the document came with them. */
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}

/** Real wrappings are at most three deep. */
const MAX_ROUNDS = 5;

export function unwrap(text: string, report: Report): Unwrapped {
  let document: unknown = text;
  let tags: Unwrapped['tags'] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (typeof document === 'string') document = parseText(percentDecoded(document), report);
    if (typeof document === 'string') continue;
    if (!isObject(document)) break;
    if (Array.isArray(document['Tags']))
      tags = document['Tags'].filter(isObject).map(t => ({ key: String(t['Key']), value: String(t['Value']) }));
    const inner: unknown =
      document['Role'] ??
      document['PolicyVersion'] ??
      document['AssumeRolePolicyDocument'] ??
      document['PolicyDocument'] ??
      document['Document'] ??
      document['Policy'];
    if (inner === undefined) break;
    document = inner;
  }
  return { document, tags };
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

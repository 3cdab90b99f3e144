/**
 * The inline session policy: well formed, and small enough once packed together with the session tags.
 *
 * @module
 */
import { deflateRawSync } from 'node:zlib';
import { parseStrictJson, StrictJsonError } from '../lib/json.ts';
import { StsError } from './errors.ts';

/**
 * STS packs policy and tags into a binary form of its own, with a limit that it only tells as a percentage. Deflate to
 * 2,048 bytes stands in for it: the same inputs come out as clearly small and clearly too large.
 */
const PACKED_LIMIT = 2048;

const malformed = (message: string) => new StsError('MalformedPolicyDocument', message);

/** @throws StsError `MalformedPolicyDocument` */
export function checkSessionPolicy(text: string): void {
  let policy: unknown;
  try {
    policy = parseStrictJson(text);
  } catch (error) {
    // IAM's grammar forbids two members of one name in one element.
    if (error instanceof StrictJsonError && error.member !== undefined) throw malformed('Syntax errors in policy.');
    throw malformed('This policy contains invalid Json');
  }
  if (!isRecord(policy)) throw malformed('Syntax errors in policy.');
  const { Version: version = '2008-10-17', Statement: statements } = policy;
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw malformed('The policy must contain a valid version string');
  }
  const unknown = Object.keys(policy).some(key => !['Version', 'Id', 'Statement'].includes(key));
  if (unknown || statements === undefined) throw malformed('Syntax errors in policy.');
  for (const statement of Array.isArray(statements) ? statements : [statements]) checkStatement(statement);
}

const FIELDS = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

function checkStatement(statement: unknown): void {
  if (!isRecord(statement)) throw malformed('Syntax errors in policy.');
  if ('Principal' in statement || 'NotPrincipal' in statement) {
    throw malformed('Policy document should not specify a principal.');
  }
  if (Object.keys(statement).some(key => !FIELDS.includes(key))) throw malformed('Syntax errors in policy.');
  const { Effect, Action, NotAction, Resource, NotResource, Condition } = statement;
  if (Effect !== 'Allow' && Effect !== 'Deny') throw malformed('Syntax errors in policy.');
  if ((Action === undefined) === (NotAction === undefined)) throw malformed('Policy statement must contain actions.');
  if ((Resource === undefined) === (NotResource === undefined)) {
    throw malformed('Policy statement must contain resources.');
  }
  if (!isStrings(Action ?? NotAction)) throw malformed('Policy statement must contain actions.');
  if (!isStrings(Resource ?? NotResource)) throw malformed('Policy statement must contain resources.');
  if (Condition !== undefined && !(isRecord(Condition) && Object.values(Condition).every(isRecord))) {
    throw malformed('Syntax errors in policy.');
  }
}

/** Percent of the packed limit; 0 for neither policy nor tags. @throws StsError `PackedPolicyTooLarge` */
export function packedPolicySize(
  policy: string | undefined,
  policyArns: readonly string[],
  tags: Readonly<Record<string, string>>,
): number {
  if (policy === undefined && policyArns.length === 0 && Object.keys(tags).length === 0) return 0;
  const packed = deflateRawSync(JSON.stringify([policy ?? '', policyArns, tags])).length;
  const percent = Math.ceil((packed * 100) / PACKED_LIMIT);
  if (percent > 100) {
    throw new StsError(
      'PackedPolicyTooLarge',
      `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
    );
  }
  return percent;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isStrings = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.length > 0 && value.every(v => typeof v === 'string'));

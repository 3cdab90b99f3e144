/**
 * The inline session policy: well formed, and small enough once packed together with the session tags.
 *
 * @module
 */
import { deflateRawSync } from 'node:zlib';
import { parsePolicy, refusals } from '../aws/iam/parse.ts';
import { StsError } from './errors.ts';

/**
 * STS packs policy and tags into a binary form of its own, with a limit that it only tells as a percentage. Deflate to
 * 2,048 bytes stands in for it: the same inputs come out as clearly small and clearly too large.
 */
const PACKED_LIMIT = 2048;

const malformed = (message: string) => new StsError('MalformedPolicyDocument', message);

/** STS's own wording, by the element that is wrong. */
const MESSAGES: Readonly<Record<string, string>> = {
  Principal: 'Policy document should not specify a principal.',
  NotPrincipal: 'Policy document should not specify a principal.',
  Action: 'Policy statement must contain actions.',
  Resource: 'Policy statement must contain resources.',
  Version: 'The policy must contain a valid version string',
};

/** @throws StsError `MalformedPolicyDocument` */
export function checkSessionPolicy(text: string): void {
  const [refused] = refusals(parsePolicy(text, 'session', 'Policy'));
  if (refused === undefined) return;
  if (refused.code === 'not-json') throw malformed('This policy contains invalid Json');
  throw malformed(MESSAGES[refused.key ?? ''] ?? 'Syntax errors in policy.');
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

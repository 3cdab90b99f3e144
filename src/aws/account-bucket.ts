/**
 * The policies of the buckets that a role's grants name, as S3 has them, for `doctor --account`.
 *
 * @module
 */

import { OutboundError, type OutboundResponse } from '../lib/http-client.ts';
import { masked } from '../lib/text/masked.ts';
import { textOf } from '../lib/xml.ts';
import type { Account } from './account.ts';
import { type Finding, finding } from './doctor/finding.ts';
import { type ReadPolicy, readPolicy } from './doctor/policy/read.ts';
import type { Plan } from './plan.ts';
import { objectUrl, sendToS3 } from './verify/s3.ts';

/** @returns the policy, empty where the bucket has none, or why it can't be read */
export async function readBucketPolicy(
  account: Account,
  plan: Plan,
  bucket: string,
): Promise<{ policy: ReadPolicy } | { found: Finding }> {
  const where = `S3 GetBucketPolicy ${bucket}`;
  let answer: OutboundResponse;
  try {
    const { region } = plan;
    const store = { bucket, region, endpointUrl: account.s3Endpoint, send: account.send };
    answer = await sendToS3(store, account.keys, { method: 'GET', url: objectUrl(store, '', { policy: '' }) });
  } catch (error) {
    if (error instanceof OutboundError && error.code === 'Redirected') return elsewhere(bucket, plan, where);
    return { found: finding('account-bucket', error instanceof Error ? error.message : String(error), where) };
  }
  if (answer.status === 200) return { policy: readPolicy(answer.body, 'resource', `bucket ${bucket}, its policy`) };
  const code = textOf(answer.body, 'Code') ?? `HTTP ${answer.status}`;
  switch (code) {
    case 'NoSuchBucketPolicy':
      return { policy: { statements: [], findings: [], roleTags: [] } };
    case 'NoSuchBucket':
      return {
        found: finding('account-missing', `there is no bucket ${bucket}, which the role's policy names`, where),
      };
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return elsewhere(bucket, plan, where);
    default: {
      const message = masked(textOf(answer.body, 'Message') ?? '');
      return { found: finding('account-bucket', `${code}${message === '' ? '' : `: ${message}`}`, where) };
    }
  }
}

function elsewhere(bucket: string, { region }: Plan, where: string): { found: Finding } {
  const fix = "Write the bucket's own region as `region` in the configuration.";
  return { found: finding('account-bucket', `the bucket ${bucket} is not in ${region}`, where, { fix }) };
}

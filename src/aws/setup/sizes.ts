/**
 * Sizes of policies: AWS refuses a longer one only when it is sent, half-way through the setup.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 *
 * @module
 */
import { UsageError } from '../../lib/errors.ts';
import { documentOf, type ExplainedStatement } from '../policy-document.ts';

/** Characters, without the white space that IAM doesn't count. */
const TRUST_DEFAULT = 2_048;
const TRUST_MOST = 8_192;
/** All inline policies of a role together. */
const INLINE_MOST = 10_240;
/** Bytes. */
const BUCKET_MOST = 20_480;

const sizeOf = (statements: readonly ExplainedStatement[]) => Buffer.byteLength(JSON.stringify(documentOf(statements)));

/** @returns what fits only with a raised quota. @throws UsageError for what fits never */
export function checkRoleSizes(
  name: string,
  trust: readonly ExplainedStatement[],
  permissions: readonly ExplainedStatement[],
): string[] {
  const trustSize = sizeOf(trust);
  if (trustSize > TRUST_MOST) {
    throw new UsageError(
      `the trust policy of ${name} would have ${trustSize} characters, and IAM takes ${TRUST_MOST} at most: give the workloads of some issuers another role_arn`,
    );
  }
  const size = sizeOf(permissions);
  if (size > INLINE_MOST) {
    throw new UsageError(
      `the policy of ${name} would have ${size} characters, and IAM takes ${INLINE_MOST} in all inline policies of a role: name fewer, wider --source-ip blocks`,
    );
  }
  if (trustSize <= TRUST_DEFAULT) return [];
  return [
    `the trust policy of ${name} has ${trustSize} characters, and IAM takes ${TRUST_DEFAULT} unless the account's quota "Role trust policy length" is raised`,
  ];
}

/** @throws UsageError */
export function checkBucketSize(bucket: string, policy: readonly ExplainedStatement[]): void {
  const size = sizeOf(policy);
  if (size <= BUCKET_MOST) return;
  throw new UsageError(
    `the policy of bucket ${bucket} would have ${size} bytes, and S3 takes ${BUCKET_MOST}: let several workloads share a role, or give some another bucket`,
  );
}

/**
 * The bucket's policy as AWS takes it: what the bucket refuses the role, whatever else the role was granted.
 *
 * Isolation must not depend on one document. The role's policy grants only the own folder; the bucket's Denies hold even
 * where somebody later leaves `s3:*` on the role, because an explicit Deny wins over every Allow.
 *
 * @module
 */
import type { Place, Plan } from '../plan.ts';
import { type ExplainedStatement, principalTagVariable, type Statement } from '../policy-document.ts';

type Principal = NonNullable<Statement['Principal']>;

/** What the bucket refuses the role, whatever the role was granted. */
export function awsBucketPolicy(
  plan: Plan,
  place: Place,
  options: { isInOtherAccount?: boolean; isMoving?: boolean } = {},
): ExplainedStatement[] {
  const own = `${place.prefix}${principalTagVariable(plan.walletTag)}`;
  const bucket = bucketArn(plan, place);
  const Principal = { AWS: plan.roles.length === 1 ? (plan.roles[0]?.arn ?? '') : plan.roles.map(({ arn }) => arn) };
  // While an old broker's sessions, which have no tag, are still in use, the Denies are for those with a tag alone.
  const tagKey = `aws:PrincipalTag/${plan.walletTag}`;
  const tagged = options.isMoving === true ? { Null: { [tagKey]: 'false' } } : {};
  const onlyTagged = options.isMoving === true ? { Condition: tagged } : {};
  return [
    ...(options.isInOtherAccount === true ? allowsFromOtherAccount(Principal, bucket, own) : []),
    {
      why: 'Nothing outside the own folder, not even when s3:* is left on the role. The bucket itself is left out here; the next two statements confine it.',
      statement: {
        Sid: 'WalletcredsOwnFolderOnly',
        Effect: 'Deny',
        Principal,
        Action: 's3:*',
        NotResource: [bucket, `${bucket}/${own}/*`],
        ...onlyTagged,
      },
    },
    {
      why: 'No listing but of the own folder: without s3:prefix (the whole bucket) StringNotLike is true too, so that is refused as well.',
      statement: {
        Sid: 'WalletcredsListOwnFolderOnly',
        Effect: 'Deny',
        Principal,
        Action: ['s3:ListBucket', 's3:ListBucketVersions'],
        Resource: bucket,
        Condition: { StringNotLike: { 's3:prefix': `${own}/*` }, ...tagged },
      },
    },
    {
      why: "Of the bucket itself nothing but listing: otherwise s3:* on the role could replace this very policy, or list other wallets' uploads.",
      statement: {
        Sid: 'WalletcredsNoBucketAdministration',
        Effect: 'Deny',
        Principal,
        NotAction: ['s3:ListBucket', 's3:ListBucketVersions'],
        Resource: bucket,
        ...onlyTagged,
      },
    },
    ...(options.isMoving === true ? [] : [nothingWithoutAWallet(Principal, bucket, tagKey)]),
  ];
}

/** Between two accounts the role's own Allow is not enough: the bucket must allow it too. */
function allowsFromOtherAccount(Principal: Principal, bucket: string, own: string): ExplainedStatement[] {
  return [
    {
      why: 'The role is in another account, so the bucket must allow what the role’s own policy allows: the listing,',
      statement: {
        Sid: 'WalletcredsAllowListOwnFolder',
        Effect: 'Allow',
        Principal,
        Action: 's3:ListBucket',
        Resource: bucket,
        Condition: { StringLike: { 's3:prefix': `${own}/*` } },
      },
    },
    {
      why: 'and the objects.',
      statement: {
        Sid: 'WalletcredsAllowOwnObjects',
        Effect: 'Allow',
        Principal,
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        Resource: `${bucket}/${own}/*`,
      },
    },
  ];
}

function nothingWithoutAWallet(Principal: Principal, bucket: string, tagKey: string): ExplainedStatement {
  return {
    why: 'A session without the tag gets nothing. In a statement of its own, without the variable: a variable that resolves to nothing can void the statement it stands in.',
    statement: {
      Sid: 'WalletcredsNothingWithoutAWallet',
      Effect: 'Deny',
      Principal,
      Action: 's3:*',
      Resource: [bucket, `${bucket}/*`],
      Condition: { Null: { [tagKey]: 'true' } },
    },
  };
}

export function bucketArn(plan: Plan, place: Place): string {
  return `arn:${plan.partition}:s3:::${place.bucket}`;
}

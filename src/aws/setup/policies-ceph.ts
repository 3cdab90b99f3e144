/**
 * The policies as Ceph RADOS Gateway takes them (measured on 16.2 and 18.2). It replaces policy variables only where they
 * are a whole condition value and refuses them inside a Resource, so every wallet is written out; `Null "false"` is read as
 * `"true"`, so it is never used; a missing condition key makes even a negated operator false, so absence has statements of
 * its own; a negated operator is true as soon as one of several values differs, so it never has several.
 *
 * @module
 */
import { UsageError } from '../../lib/errors.ts';
import type { Place, Plan, Role } from '../plan.ts';
import type { ExplainedStatement } from '../policy-document.ts';

/** Who may become the role. */
export function cephTrustPolicy(plan: Plan, role: Role, options: { bindSession?: boolean } = {}): ExplainedStatement[] {
  if (options.bindSession === true) {
    throw new UsageError(
      '--bind-session: Ceph refuses a variable as a part of a condition value, so it can only be used with --dialect aws',
    );
  }
  const requestTag = `aws:RequestTag/${plan.walletTag}`;
  return role.providers.map((provider, index) => ({
    why: `Only tokens of ${provider.issuer} made for ${provider.audience} that carry a wallet of the configuration may become this role. StringLike demands the tag: Null "false" would do the opposite in Ceph. The wallets are written out, since the bucket policy can refuse only those that it names. aws:TagKeys names every tag, transitive_tag_keys too, since Ceph takes that claim for a tag.`,
    statement: {
      Sid: `TokensWithAWallet${role.providers.length > 1 ? index + 1 : ''}`,
      Effect: 'Allow',
      Principal: { Federated: [provider.arn] },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: {
        StringEquals: { [`${provider.host}:aud`]: provider.audience },
        StringLike: { [requestTag]: walletsOf(plan) },
        'ForAllValues:StringEquals': { 'aws:TagKeys': [plan.walletTag, 'transitive_tag_keys', ...plan.tagKeys] },
      },
    },
  }));
}

/** What the role may do, a pair of statements for each wallet of the configuration. */
export function cephRolePolicy(
  plan: Plan,
  place: Place,
  options: { sourceIps?: readonly string[] } = {},
): ExplainedStatement[] {
  if (options.sourceIps !== undefined && options.sourceIps.length > 0) {
    throw new UsageError(
      "--source-ip: written for --dialect aws only; on Ceph confine the gateway's port with a firewall",
    );
  }
  const tag = `aws:PrincipalTag/${plan.walletTag}`;
  return walletsOf(plan).flatMap((wallet, index): ExplainedStatement[] => [
    {
      why: `${wallet} lists its own folder: the slash keeps out a longer wallet that begins with this one.`,
      statement: {
        Sid: `ListOwnFolder${index + 1}`,
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucketArn(place),
        Condition: { StringEquals: { [tag]: wallet }, StringLike: { 's3:prefix': [`${place.prefix}${wallet}/*`] } },
      },
    },
    {
      why: `${wallet} reads, writes and deletes its own objects.`,
      statement: {
        Sid: `UseOwnObjects${index + 1}`,
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        Resource: `${bucketArn(place)}/${place.prefix}${wallet}/*`,
        Condition: { StringEquals: { [tag]: wallet } },
      },
    },
  ]);
}

/** What the bucket refuses the role, whatever the role was granted. */
export function cephBucketPolicy(plan: Plan, place: Place): ExplainedStatement[] {
  const wallets = walletsOf(plan);
  const tag = `aws:PrincipalTag/${plan.walletTag}`;
  const bucket = bucketArn(place);
  const Principal = { AWS: plan.roles.map(({ arn }) => arn) };
  const deny = { Effect: 'Deny', Principal } as const;
  return [
    ...wallets.flatMap((wallet, index): ExplainedStatement[] => [
      {
        why: `${wallet}: nothing outside its own folder, not even when s3:* is left on the role.`,
        statement: {
          Sid: `WalletcredsOwnFolderOnly${index + 1}`,
          ...deny,
          Action: 's3:*',
          NotResource: [bucket, `${bucket}/${place.prefix}${wallet}/*`],
          Condition: { StringEquals: { [tag]: wallet } },
        },
      },
      {
        why: `${wallet}: no listing but of its own folder.`,
        statement: {
          Sid: `WalletcredsListOwnFolderOnly${index + 1}`,
          ...deny,
          Action: ['s3:ListBucket', 's3:ListBucketVersions'],
          Resource: bucket,
          Condition: { StringEquals: { [tag]: wallet }, StringNotLike: { 's3:prefix': `${place.prefix}${wallet}/*` } },
        },
      },
    ]),
    {
      why: 'No listing of the whole bucket: without s3:prefix the statements above are not true here.',
      statement: {
        Sid: 'WalletcredsNoListingWithoutPrefix',
        ...deny,
        Action: ['s3:ListBucket', 's3:ListBucketVersions'],
        Resource: bucket,
        Condition: { Null: { 's3:prefix': 'true' } },
      },
    },
    {
      why: 'Of the bucket itself nothing but listing: otherwise s3:* on the role could replace this very policy. Written out, since a statement with NotAction never applies here.',
      statement: {
        Sid: 'WalletcredsNoBucketAdministration',
        ...deny,
        Action: ['s3:Get*', 's3:Put*', 's3:Delete*', 's3:ListBucketMultipartUploads'],
        Resource: bucket,
      },
    },
    {
      why: 'A session without the tag gets nothing.',
      statement: {
        Sid: 'WalletcredsNothingWithoutAWallet',
        ...deny,
        Action: 's3:*',
        Resource: [bucket, `${bucket}/*`],
        Condition: { Null: { [tag]: 'true' } },
      },
    },
  ];
}

/** Ceph dates no session, so all sessions of the wallet end, later ones included, until the policy is removed. */
export function cephRevocation(walletTag: string, wallet: string): ExplainedStatement[] {
  return [
    {
      why: `No session of ${wallet} can do anything, one that begins later included: Ceph has no aws:TokenIssueTime. Remove it to let the wallet in again.`,
      statement: {
        Sid: 'EndSessionsOfThisWallet',
        Effect: 'Deny',
        Action: 's3:*',
        Resource: '*',
        Condition: { StringEquals: { [`aws:PrincipalTag/${walletTag}`]: wallet } },
      },
    },
  ];
}

function walletsOf(plan: Plan): readonly string[] {
  if (plan.wallets.length === 0) {
    throw new UsageError(
      "workloads: none in the configuration; Ceph's policies are written out for each wallet, so name the workloads first",
    );
  }
  return plan.wallets;
}

function bucketArn(place: Place): string {
  return `arn:aws:s3:::${place.bucket}`;
}

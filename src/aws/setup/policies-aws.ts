/**
 * The policies as AWS takes them: who may become the data role, what the role may do, and what the bucket refuses it
 * whatever else the role was granted.
 *
 * Isolation must not hang on one document. The role's policy grants only the own folder; the bucket's Denies hold even
 * where somebody later leaves `s3:*` on the role, because an explicit Deny wins over every Allow.
 *
 * @module
 */
import { isoSeconds } from '../../lib/time/iso.ts';
import type { Place, Plan, Provider, Role } from '../plan.ts';
import { type ExplainedStatement, principalTagVariable, WALLET_PATTERN } from '../policy-document.ts';

/** Who may become the role: tokens of the provider, for this audience, that carry a wallet. */
export function awsTrustPolicy(
  role: Role,
  walletTag: string,
  options: { bindSession?: boolean } = {},
): ExplainedStatement[] {
  return role.providers.map((provider, index) => ({
    why: [
      `Only tokens of ${provider.issuer} made for ${provider.audience} may become this role: no IAM user or second principal, or a session without a wallet would be possible.`,
      'sts:TagSession is needed as soon as the token carries tags.',
      `Null "false" demands the tag (StringNotEquals "" would be true without it), and StringLike a wallet's form.`,
      ...(options.bindSession === true
        ? ['The subject and the session name must name the same wallet as the tag.']
        : []),
    ].join(' '),
    statement: {
      Sid: `TokensWithAWallet${role.providers.length > 1 ? index + 1 : ''}`,
      Effect: 'Allow',
      Principal: { Federated: provider.arn },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: trustConditions(provider, walletTag, options.bindSession === true),
    },
  }));
}

function trustConditions(provider: Provider, walletTag: string, bind: boolean) {
  const requestTag = `aws:RequestTag/${walletTag}`;
  return {
    StringEquals: {
      [`${provider.host}:aud`]: provider.audience,
      ...(bind ? { [`${provider.host}:sub`]: `agentkeys:agent:\${${requestTag}}` } : {}),
    },
    StringLike: {
      [requestTag]: WALLET_PATTERN,
      ...(bind ? { 'sts:RoleSessionName': `*\${${requestTag}}*` } : {}),
    },
    Null: { [requestTag]: 'false' },
  };
}

/** What the role may do: list, read, write and delete in its session's own folder. */
export function awsRolePolicy(
  plan: Plan,
  place: Place,
  options: { sourceIps?: readonly string[] } = {},
): ExplainedStatement[] {
  const own = `${place.prefix}${principalTagVariable(plan.walletTag)}`;
  const bucket = bucketArn(plan, place);
  return [
    {
      why: 'Listing is asked of the bucket, and only there does s3:prefix exist: so it has a statement of its own. StringLike with /* takes the own folder and what is below it; the slash keeps out a longer wallet that begins with this one.',
      statement: {
        Sid: 'ListOwnFolder',
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucket,
        Condition: { StringLike: { 's3:prefix': [`${own}/*`] } },
      },
    },
    {
      why: 'Objects in the own folder: read, write, delete, and nothing else (no ACLs, no versions, no tags).',
      statement: {
        Sid: 'UseOwnObjects',
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        Resource: `${bucket}/${own}/*`,
      },
    },
    ...(options.sourceIps === undefined || options.sourceIps.length === 0
      ? []
      : [sourceIpStatement(options.sourceIps)]),
  ];
}

function sourceIpStatement(cidrs: readonly string[]): ExplainedStatement {
  return {
    why: "Credentials that leak are of no use from elsewhere. Calls that an AWS service makes on the session's behalf come from its own addresses and are left out. A call through a VPC endpoint has no source address: use aws:SourceVpce there.",
    statement: {
      Sid: 'OnlyFromTheseAddresses',
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { NotIpAddress: { 'aws:SourceIp': [...cidrs] }, Bool: { 'aws:ViaAWSService': 'false' } },
    },
  };
}

/** What the bucket refuses the role, whatever the role was granted. */
export function awsBucketPolicy(plan: Plan, place: Place): ExplainedStatement[] {
  const own = `${place.prefix}${principalTagVariable(plan.walletTag)}`;
  const bucket = bucketArn(plan, place);
  const Principal = { AWS: plan.roles.length === 1 ? (plan.roles[0]?.arn ?? '') : plan.roles.map(({ arn }) => arn) };
  return [
    {
      why: 'Nothing outside the own folder, not even when s3:* is left on the role. The bucket itself is excepted here, the next two statements confine it.',
      statement: {
        Sid: 'WalletcredsOwnFolderOnly',
        Effect: 'Deny',
        Principal,
        Action: 's3:*',
        NotResource: [bucket, `${bucket}/${own}/*`],
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
        Condition: { StringNotLike: { 's3:prefix': `${own}/*` } },
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
      },
    },
    {
      why: 'A session without the tag gets nothing. In a statement of its own, without the variable: a variable that resolves to nothing can void the statement it stands in.',
      statement: {
        Sid: 'WalletcredsNothingWithoutAWallet',
        Effect: 'Deny',
        Principal,
        Action: 's3:*',
        Resource: [bucket, `${bucket}/*`],
        Condition: { Null: { [`aws:PrincipalTag/${plan.walletTag}`]: 'true' } },
      },
    },
  ];
}

/**
 * Ends the sessions of a wallet that began before now, leaked credentials included. New ones are still given: take the
 * workload out of the configuration, or revoke the key, to stop those.
 */
export function awsRevocation(walletTag: string, wallet: string, now: number): ExplainedStatement[] {
  const before = isoSeconds(now);
  return [
    {
      why: `Sessions of ${wallet} that were issued before ${before} can do nothing any more. A serve that runs does not know of it and goes on vending the session that it holds: restart every one (SIGHUP keeps what it holds), then the workloads, whose SDKs hold it too. The statement may be removed once the longest session has run out.`,
      statement: {
        Sid: 'EndSessionsOfThisWallet',
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: {
          StringEquals: { [`aws:PrincipalTag/${walletTag}`]: wallet },
          DateLessThan: { 'aws:TokenIssueTime': before },
        },
      },
    },
  ];
}

function bucketArn(plan: Plan, place: Place): string {
  return `arn:${plan.partition}:s3:::${place.bucket}`;
}

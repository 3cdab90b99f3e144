/**
 * The role's policies as AWS takes them: who may become the data role, and what the role may do.
 *
 * @module
 */
import { partitionOf } from '../../lib/partitions.ts';
import { isoSeconds } from '../../lib/time/iso.ts';
import type { Place, Plan, Provider, Role } from '../plan.ts';
import { type ExplainedStatement, principalTagVariable, WALLET_PATTERN } from '../policy-document.ts';
import { bucketArn } from './bucket-policy-aws.ts';

/** Who may become the role: tokens of the provider, for this audience, that carry a wallet. */
export function awsTrustPolicy(
  role: Role,
  walletTag: string,
  options: { bindSession?: boolean; keepPrincipal?: string | undefined } = {},
): ExplainedStatement[] {
  const kept = options.keepPrincipal === undefined ? [] : [keptPrincipal(options.keepPrincipal)];
  return [
    ...role.providers.map((provider, index) => tokensWithAWallet(role, walletTag, provider, index, options)),
    ...kept,
  ];
}

/** By it `doctor` knows the statement. */
export const KEPT_SID = 'KeptUntilTheMoveEnds';

/** Until the last step of the move: see docs/migration.md. */
function keptPrincipal(arn: string): ExplainedStatement {
  return {
    why: `The principal of the broker that is being replaced. Its sessions carry no tag, and sts:TagSession is not allowed here. Print the setup again without --keep-principal once nothing uses it: this statement goes, and the bucket denies sessions without a tag.`,
    statement: { Sid: KEPT_SID, Effect: 'Allow', Principal: { AWS: arn }, Action: 'sts:AssumeRole' },
  };
}

function tokensWithAWallet(
  role: Role,
  walletTag: string,
  provider: Provider,
  index: number,
  options: { bindSession?: boolean },
): ExplainedStatement {
  return {
    why: [
      `Only tokens of ${provider.issuer} made for ${provider.audience} may become this role. A second principal could make a session without a wallet.`,
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
  };
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
  options: { sourceIps?: readonly string[]; kmsKey?: string | undefined } = {},
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
    ...(options.kmsKey === undefined ? [] : [kmsStatement(plan, bucket, own, options.kmsKey)]),
    ...(options.sourceIps === undefined || options.sourceIps.length === 0
      ? []
      : [sourceIpStatement(options.sourceIps)]),
  ];
}

function kmsStatement(plan: Plan, bucket: string, own: string, key: string): ExplainedStatement {
  return {
    why: 'The key of the bucket’s encryption, through S3 alone. The encryption context is the bucket where S3 Bucket Keys are on, and the object where they are off. The key’s own policy must let IAM policies of this account decide.',
    statement: {
      Sid: 'UseTheKeyThroughS3',
      Effect: 'Allow',
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: key,
      Condition: {
        StringEquals: { 'kms:ViaService': `s3.${plan.region}.${partitionOf(plan.region).dnsSuffix}` },
        StringLike: { 'kms:EncryptionContext:aws:s3:arn': [bucket, `${bucket}/${own}/*`] },
      },
    },
  };
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

/**
 * Ends the sessions of a wallet that began before now, leaked credentials included. New ones are still given: take the
 * workload out of the configuration, or revoke the key, to stop those.
 */
export function awsRevocation(walletTag: string, wallet: string, now: number): ExplainedStatement[] {
  const before = isoSeconds(now);
  return [
    {
      why: `Sessions of ${wallet} that were issued before ${before} can do nothing any more. A running serve does not know of it and goes on vending its cached session: restart every one (SIGHUP keeps the cache), then the workloads, whose SDKs cache it too. The statement may be removed once the longest session has run out.`,
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

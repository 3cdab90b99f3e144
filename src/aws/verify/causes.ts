/**
 * The likely cause of a failure, from S3's own message first, then from which checks failed and which passed.
 *
 * @module
 */
import type { Step } from './steps.ts';

const NO_DENY =
  'and no Deny in the bucket’s policy stands against it; `walletcreds doctor --account` names the statement';

export function brokenCause(steps: readonly Step[]): string {
  const open = steps.filter(({ outcome }) => outcome === 'broken').map(({ id }) => id);
  if (open.includes('untagged'))
    return 'the trust policy does not demand the tag (Null "false"), or trusts a second principal';
  if (open.every(id => id === 'list-own' || id === 'list-own-again'))
    return 'the store does not keep a listing to the prefix that was asked for';
  if (open.every(id => id.endsWith('-longer')))
    return `a pattern ends in "<wallet>*" in place of "<wallet>/*", so it also fits wallets that begin the same; ${NO_DENY}`;
  if (open.every(id => id.startsWith('list-')))
    return `a statement allows a listing outside the own folder: s3:prefix is not its condition, or the condition has other values too (an empty one, the folder of all wallets, a delimiter); ${NO_DENY}`;
  if (!open.some(id => id.startsWith('list-')))
    return `a statement allows objects outside the own folder: its Resource does not hold the wallet’s tag; ${NO_DENY}`;
  return `a broad grant (s3:*, or a Resource that ends in "/*") on the role or in the bucket’s policy; ${NO_DENY}`;
}

/** How S3 says which policy stands in the way, and what to do there. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [
    /\bkms:/i,
    'the bucket is encrypted with a KMS key that the role may not use: grant kms:Decrypt and kms:GenerateDataKey (aws-setup --kms-key ARN)',
  ],
  [
    /permissions boundary/i,
    'the role’s permissions boundary does not allow it: add the S3 actions to it, or take it off',
  ],
  [/service control policy/i, 'a service control policy of the organization: its administrator must allow it'],
  [/resource control policy/i, 'a resource control policy of the organization: its administrator must allow it'],
  [/VPC endpoint policy/i, 'the policy of the VPC endpoint that the call went through: allow the bucket there'],
  [
    /session policy/i,
    'the session policy of this workload does not allow it: see `session_policy` in the configuration',
  ],
  [
    /explicit deny in a resource-based policy/i,
    'a Deny in the bucket’s policy: another role, prefix or tag name than it has',
  ],
  [
    /explicit deny in an identity-based policy/i,
    'a Deny on the role, for example an earlier `aws-setup --revoke` of this wallet',
  ],
];

export function deniedCause(steps: readonly Step[], wallet: string): string {
  const denied = steps.filter(({ outcome }) => outcome === 'denied');
  const byMessage = BY_MESSAGE.find(([pattern]) => denied.some(({ detail }) => pattern.test(detail)));
  if (byMessage !== undefined) return byMessage[1];
  const ids = denied.map(({ id }) => id);
  const isOpen = (id: string) => steps.some(step => step.id === id && step.outcome === 'ok');
  if (ids.every(id => id === 'list-own-again'))
    return 'the session ended meanwhile: its wallet was revoked, or a policy was changed';
  if (ids.every(id => id === 'put-own'))
    return 'reading works; the policy grants no s3:PutObject there, or the bucket demands headers of every put (encryption, KMS)';
  if (ids.every(id => id === 'get-own'))
    return 'the listing works; the policy grants no s3:GetObject there, or the objects are encrypted with a KMS key that the role may not use';
  if (ids.includes('list-own') && isOpen('put-own'))
    return `writing works; the policy’s s3:ListBucket does not hold for the prefix …/${wallet}/`;
  return `the policy does not match the session’s tag (prefix, tag name, a wallet in mixed case), the token carries no tags, or a Deny applies. The folder must be named ${wallet}`;
}

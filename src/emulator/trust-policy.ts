/**
 * The trust policy that a wallet's role should have, for `dev` and for tests that want the good one to start from.
 *
 * @module
 */
import { providerArn } from './issuers.ts';

/**
 * Who may assume: the issuer's tokens for the audience, with the wallet tag and a wallet in it. `Null … "false"` and not
 * `StringNotEquals … ""`, which would be true for a missing tag.
 *
 * @param options.partition default `aws`
 * @param options.walletTag default `agentkeys_user_wallet`
 * @example
 * walletTrustPolicy({ accountId: '000000000000', issuer: 'http://127.0.0.1:9111' })
 */
export function walletTrustPolicy(options: {
  accountId: string;
  issuer: string;
  audience?: string;
  walletTag?: string;
  partition?: string;
}): Record<string, unknown> {
  const { accountId, issuer, audience = 'sts.amazonaws.com', walletTag = 'agentkeys_user_wallet', partition } = options;
  const tag = `aws:RequestTag/${walletTag}`;
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: providerArn(accountId, issuer, partition) },
        Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
        Condition: {
          StringEquals: { [`${issuer.replace(/^https?:\/\//, '')}:aud`]: audience },
          Null: { [tag]: 'false' },
          StringLike: { [tag]: `0x${'?'.repeat(40)}` },
        },
      },
    ],
  };
}

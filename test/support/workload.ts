/**
 * The workload that most tests are about.
 *
 * @module
 */
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import { type IdentityTokenConfig, makeWorkload, type Workload } from '../../src/workload/workload.ts';

export const WALLET = parseWallet('0x52908400098527886e0f7030069857d2e4169ee7');
export const TAG = 'agentkeys_user_wallet';

/** An identity token's signer with no keys. */
export const SIGNER = {
  kind: 'signer',
  issuer: 'https://oidc.example.com',
  keysDir: '/nowhere',
  audience: 'sts.amazonaws.com',
  ttlSeconds: 300,
  purpose: 'oidc',
} as const satisfies IdentityTokenConfig;

export interface WorkloadParts extends Partial<Omit<Workload, 'id' | 'wallet'>> {
  readonly wallet?: string;
}

/** @param parts replace those of a configured workload `scraper-a`, and may give it an identity of its own */
export function workload({ wallet = WALLET, ...parts }: WorkloadParts = {}): Workload {
  return makeWorkload({
    name: 'scraper-a',
    wallet: parseWallet(wallet),
    role: parseRoleArn('arn:aws:iam::123456789012:role/agentkeys-data-role'),
    sessionDuration: 3600,
    walletTag: TAG,
    tags: {},
    identityToken: SIGNER,
    origin: 'configured',
    ...parts,
  });
}

/** A wallet of one digit, so that a mix-up shows. */
export const walletOf = (digit: string) => parseWallet(`0x${digit.repeat(40)}`);

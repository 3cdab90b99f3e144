/**
 * Workloads of the configuration by name, and workloads made on the fly for a wallet that a proof vouches for.
 *
 * One made on the fly is (who vouches, subject, wallet): the top level's role and duration, no tags, so a cache entry and
 * audit identity of its own. It can't be the wallet of a configured workload: that one has proofs of its own.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Config } from '../config/types.ts';
import { WorkloadUnknown } from '../lib/errors.ts';
import { InvalidWallet, parseWallet, type Wallet } from '../workload/wallet.ts';
import { makeWorkload, type Workload } from '../workload/workload.ts';

export interface Vouched {
  readonly by: 'jwt' | 'session';
  /** The issuer or the backend, byte for byte. */
  readonly source: string;
  /** The JWT's `sub`; '' for a session, whose wallet is all that is known. */
  readonly subject: string;
  /** As it stood in the proof: hostile until checked. */
  readonly wallet: unknown;
  readonly allowed: 'any' | readonly string[];
}

export interface ProofWorkloads {
  configured(name: string): Workload | undefined;
  /** @throws WorkloadUnknown where the wallet is malformed, not vouched for, or a configured workload's own */
  vouchedFor(vouched: Vouched): Workload;
}

/** @param config asked at each call, so that a reload is seen at once */
export function createProofWorkloads(config: () => Config): ProofWorkloads {
  return {
    configured: name => config().workloads.get(name)?.workload,
    vouchedFor({ by, source, subject, wallet: claimed, allowed }) {
      const current = config();
      const wallet = strictWallet(claimed);
      if (allowed !== 'any' && !allowed.includes(wallet)) {
        throw new WorkloadUnknown(
          'this proof may not vouch for that wallet; list it under wallets, or set any_wallet: true',
        );
      }
      for (const { workload } of current.workloads.values()) {
        if (workload.wallet === wallet) {
          throw new WorkloadUnknown('that wallet belongs to a configured workload, which has proofs of its own');
        }
      }
      const { role, sessionDuration, identityToken } = current.defaults;
      if (role === undefined)
        throw new WorkloadUnknown('no role for it: set role_arn at the top level of the configuration');
      const digest = createHash('sha256')
        .update(JSON.stringify([source, subject]))
        .digest('hex')
        .slice(0, 16);
      return makeWorkload({
        name: `${by}:${digest}`,
        wallet,
        role,
        sessionDuration,
        walletTag: current.walletTag,
        tags: {},
        identityToken,
        origin: 'proof',
      });
    },
  };
}

function strictWallet(value: unknown): Wallet {
  if (typeof value !== 'string') throw new WorkloadUnknown('the proof holds no wallet as a string');
  try {
    return parseWallet(value);
  } catch (error) {
    if (!(error instanceof InvalidWallet)) throw error;
    throw new WorkloadUnknown(`the proof's wallet is refused: ${error.message}`, { cause: error });
  }
}

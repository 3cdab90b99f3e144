/**
 * The interface between vending and the exchange at STS.
 *
 * @module
 */
import type { IdentityToken } from '../../identity-token/identity-token.ts';
import type { Workload } from '../../workload/workload.ts';
import type { Credentials } from '../credentials.ts';

/** JWT → STS → credentials. One call, no retries: vending decides about those. */
export interface Exchange {
  /**
   * @throws StsRefused final; StsUnavailable transient
   */
  exchange(workload: Workload, token: IdentityToken, options?: { signal?: AbortSignal }): Promise<Credentials>;
  /** Frees connections. */
  close(): void;
}

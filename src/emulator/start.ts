/**
 * The emulator behind a listener of its own.
 *
 * @module
 */
import { createStsEmulator, type StsEmulator } from './emulator.ts';
import { type Listening, listen } from './listen.ts';
import type { StsEmulatorOptions } from './options.ts';

export interface StartStsEmulatorOptions extends StsEmulatorOptions {
  /**
   * Default 0: any free one.
   *
   * @example port: 9111
   */
  readonly port?: number;
  /**
   * Default `127.0.0.1`. The emulator hands out credentials that mean nothing anywhere else, and still has no business
   * on a network.
   *
   * @example host: '::1'
   */
  readonly host?: string;
}

/** `url` is for `AWS_ENDPOINT_URL_STS` or a client's `endpoint`. */
export interface RunningStsEmulator extends StsEmulator, Listening {}

/**
 * Starts an STS that answers as AWS's does, for tests and development.
 *
 * @throws TypeError for an option that can't be; the listener's own error for a port in use
 * @example
 * const issuer = 'http://127.0.0.1:8091';
 * const sts = await startStsEmulator({
 *   issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
 *   roles: [{ name: 'data-role', trustPolicy: walletTrustPolicy({ accountId: '000000000000', issuer }) }],
 * });
 * const client = new STSClient({ endpoint: sts.url, region: 'us-east-1' });
 * // … AssumeRoleWithWebIdentity …
 * assert.equal(sts.calls.length, 1);
 * await sts.close();
 */
export async function startStsEmulator(options: StartStsEmulatorOptions = {}): Promise<RunningStsEmulator> {
  const { port = 0, host = '127.0.0.1', ...rest } = options;
  const emulator = createStsEmulator(rest);
  return { ...emulator, ...(await listen(emulator.app, { port, host })) };
}

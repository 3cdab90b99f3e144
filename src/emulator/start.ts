/**
 * The emulator behind a listener of its own.
 *
 * @module
 */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createStsEmulator, type StsEmulator } from './emulator.ts';
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

export interface RunningStsEmulator extends StsEmulator {
  /** `http://127.0.0.1:<port>`, for `AWS_ENDPOINT_URL_STS` or a client's `endpoint`. */
  readonly url: string;
  /** Stops listening and ends what is open. */
  close(): Promise<void>;
}

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
  const server = createAdaptorServer({ fetch: emulator.app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    ...emulator,
    url: `http://${shown}:${address.port}`,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close(error => (error === undefined ? resolve() : reject(error)));
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

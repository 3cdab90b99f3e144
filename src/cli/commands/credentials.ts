/**
 * `walletcreds credentials WORKLOAD`: once, to stdout.
 *
 * @module
 */

import type { Io } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, exchangeOnce } from '../once.ts';
import { type CredentialsFormat, formatCredentials } from '../output/credentials-format.ts';
import { workloadOf } from '../workload-of.ts';

export async function printCredentials(
  name: string,
  options: { readonly config: string; readonly endpoint?: string; readonly format: CredentialsFormat },
  io: Io,
): Promise<number> {
  const needs = options.endpoint === undefined ? 'exchange' : 'endpoint';
  const { config, found } = await workloadOf(name, options.config, io.env, needs);
  const credentials =
    options.endpoint === undefined
      ? await exchangeOnce(config, found, 'credentials', await cliLogger(io.env, 'warn'))
      : await askEndpoint(options.endpoint, found);
  io.out(formatCredentials(credentials, options.format));
  return 0;
}

/**
 * What an error means for the command that it ends: a message and an exit status.
 *
 * 0 done, 1 it failed, 2 the command or the configuration is wrong. `verify` and `exec` have more.
 *
 * @module
 */
import { ConfigError, UsageError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import { plain } from '../lib/text/plain.ts';
import type { Io } from './io.ts';

/**
 * Writes one line (for a configuration, one a problem) that says where the fault is and how to fix it.
 *
 * @returns the exit status
 */
export function reportError(error: unknown, { env, warn }: Pick<Io, 'env' | 'warn'>): number {
  if (error instanceof ConfigError || error instanceof UsageError) {
    warn(error.message);
    return 2;
  }
  const { code, message } = errorFields(error);
  warn(`walletcreds: ${message}${code === 'Error' ? '' : ` (${code})`}`);
  if (env['WALLETCREDS_LOG_LEVEL'] === 'debug' && error instanceof Error) warn(plain(error.stack ?? ''));
  return 1;
}

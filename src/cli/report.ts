/**
 * How an error that ends a verb is told.
 *
 * @module
 */
import { ConfigError, UsageError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import { plain } from '../lib/plain-text.ts';
import type { Io } from './io.ts';

/**
 * One line (for a configuration, one a problem) that says where and how to mend it; never a stack trace.
 *
 * @returns the exit status
 */
export function report(error: unknown, { env, warn }: Pick<Io, 'env' | 'warn'>): number {
  if (error instanceof ConfigError || error instanceof UsageError) {
    warn(error.message);
    return 2;
  }
  const { code, message } = errorFields(error);
  warn(`walletcreds: ${message}${code === 'Error' ? '' : ` (${code})`}`);
  if (env['WALLETCREDS_LOG_LEVEL'] === 'debug' && error instanceof Error) warn(plain(error.stack ?? ''));
  return 1;
}

/**
 * The log of the command line: JSON lines to stderr, pretty where stderr is a terminal.
 *
 * @module
 */
import { UsageError } from '../errors.ts';
import { createLogger, type Logger, type LogLevel } from '../log.ts';

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'] satisfies LogLevel[];

/**
 * @param env `WALLETCREDS_LOG_LEVEL` (debug, info, warn, error, silent; default info), `NO_COLOR`
 * @throws UsageError for another level
 */
export function cliLogger(env: NodeJS.ProcessEnv, fallback: LogLevel = 'info'): Logger {
  const level = env['WALLETCREDS_LOG_LEVEL'] ?? fallback;
  if (!LEVELS.includes(level)) {
    throw new UsageError(`WALLETCREDS_LOG_LEVEL=${level} is no level; use one of ${LEVELS.join(', ')}`);
  }
  return createLogger({ level: level as LogLevel });
}

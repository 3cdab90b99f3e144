/**
 * The log of the command line: JSON lines to stderr, pretty where stderr is a terminal.
 *
 * @module
 */
import { UsageError } from '../lib/errors.ts';
import type { Logger, LogLevel } from '../lib/log.ts';

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'] satisfies LogLevel[];
const STDERR = 2;

/**
 * @param env `WALLETCREDS_LOG_LEVEL` (debug, info, warn, error, silent; default info), `NO_COLOR`
 * @throws UsageError for another level
 */
export async function cliLogger(env: NodeJS.ProcessEnv, fallback: LogLevel = 'info'): Promise<Logger> {
  const level = env['WALLETCREDS_LOG_LEVEL'] ?? fallback;
  if (!LEVELS.includes(level)) {
    throw new UsageError(`WALLETCREDS_LOG_LEVEL=${level} is no level; use one of ${LEVELS.join(', ')}`);
  }
  const { createLogger } = await import('../lib/create-logger.ts');
  // The reader of the log has gone. That is no reason to stop serving.
  process.stderr.on('error', () => undefined);
  if (!process.stderr.isTTY) return createLogger({ level: level as LogLevel });
  return createLogger({ level: level as LogLevel, destination: await pretty(env) });
}

async function pretty(env: NodeJS.ProcessEnv) {
  const { default: prettyStream } = await import('pino-pretty');
  return prettyStream({
    destination: STDERR,
    sync: true,
    colorize: env['NO_COLOR'] === undefined || env['NO_COLOR'] === '',
    translateTime: 'SYS:HH:MM:ss.l',
    messageKey: 'msg',
  });
}

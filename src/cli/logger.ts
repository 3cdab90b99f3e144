/**
 * The log of the command line: JSON lines to stderr, pretty where stderr is a terminal.
 *
 * @module
 */
import { destination } from 'pino';
import { UsageError } from '../errors.ts';
import { createLogger, type Logger, type LogLevel } from '../log.ts';

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'] satisfies LogLevel[];
const STDERR = 2;
/** Lines are written together, at the latest after this time: one system call a vend would cost more than the vend. */
const FLUSH_MS = 100;
const FLUSH_BYTES = 4_096;

/**
 * @param env `WALLETCREDS_LOG_LEVEL` (debug, info, warn, error, silent; default info), `NO_COLOR`
 * @throws UsageError for another level
 */
export async function cliLogger(env: NodeJS.ProcessEnv, fallback: LogLevel = 'info'): Promise<Logger> {
  const level = env['WALLETCREDS_LOG_LEVEL'] ?? fallback;
  if (!LEVELS.includes(level)) {
    throw new UsageError(`WALLETCREDS_LOG_LEVEL=${level} is no level; use one of ${LEVELS.join(', ')}`);
  }
  const stream = process.stderr.isTTY ? await pretty(env) : buffered();
  return createLogger({ level: level as LogLevel, destination: stream });
}

function buffered() {
  const stream = destination({ dest: STDERR, sync: false, minLength: FLUSH_BYTES, periodicFlush: FLUSH_MS });
  // Whoever reads the log has gone: that is no reason to stop serving.
  stream.on('error', () => undefined);
  process.on('exit', () => {
    try {
      stream.flushSync();
    } catch {
      // There is nowhere left to say it.
    }
  });
  return stream;
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

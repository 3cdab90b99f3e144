/**
 * The log: JSON lines, pretty on a terminal, to stderr. Fields are chosen one by one by whoever logs; nothing passes an
 * object through whole, and {@link masked} is the last filter for every text that came from elsewhere.
 *
 * @module
 */
import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

const MAX_TEXT = 300;

/** Cuts at 300 characters and masks what looks like a JWT, so that a message from elsewhere can carry no token along. */
export function masked(text: string): string {
  const safe = text.replace(/[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}(\.[A-Za-z0-9_-]*)?/g, '[jwt]');
  return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT - 1)}…` : safe;
}

/** What of an error may be logged or answered: its code and its masked message, by allow-list. */
export function errorFields(error: unknown): { code: string; message: string } {
  if (error instanceof Error) {
    const code = (error as { code?: unknown }).code;
    return { code: typeof code === 'string' ? code : error.name, message: masked(error.message) };
  }
  return { code: 'Error', message: masked(String(error)) };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * @param options.level from `WALLETCREDS_LOG_LEVEL` in the command line, `info` otherwise
 * @param options.destination anything with `write`; default stderr
 */
export function createLogger(options: { level?: LogLevel; destination?: { write(line: string): void } } = {}): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      messageKey: 'msg',
      // An Error that slips in as `err` is reduced to the two fields that may leave.
      serializers: { err: errorFields },
    },
    options.destination ?? process.stderr,
  );
}

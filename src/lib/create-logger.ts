/**
 * The log: JSON lines, pretty on a terminal, to stderr. The caller chooses each field; nothing passes an
 * object through whole, and `masked` is the last filter for every text that came from elsewhere.
 *
 * @module
 */
import { type Logger, pino } from 'pino';
import { errorFields } from './log.ts';
import type { LogLevel } from './log-level.ts';

/**
 * @param options.level from `WALLETCREDS_LOG_LEVEL` in the command line, `info` otherwise
 * @param options.destination anything with `write`; default stderr
 */
export function createLogger(options: { level?: LogLevel; destination?: { write(line: string): void } } = {}): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: timestampField,
      formatters: { level: label => ({ level: label }) },
      messageKey: 'msg',
      // An Error that slips in as `err` is reduced to the two fields that may leave.
      serializers: { err: errorFields },
    },
    options.destination ?? gathered(process.stderr),
  );
}

let stampedAt = Number.NaN;
let stamp = '';

/** Formatting a date is two thirds of what a line costs, so lines of one millisecond share it. */
function timestampField(): string {
  const now = Date.now();
  if (now !== stampedAt) {
    stampedAt = now;
    stamp = `,"time":"${new Date(now).toISOString()}"`;
  }
  return stamp;
}

function lossLine(lines: number): string {
  const msg = 'lines of the log were lost: nobody read them';
  return `${JSON.stringify({ level: 'error', time: new Date().toISOString(), lines, msg })}\n`;
}

const flushes: (() => void)[] = [];

/** One listener for all loggers: a process that makes many, as a test does, must not pile listeners up. */
function atExit(flush: () => void): void {
  if (flushes.push(flush) > 1) return;
  process.once('exit', flushAll);
}

function flushAll(): void {
  for (const each of flushes) each();
}

/** Half a pipe's capacity: a burst goes out in few writes, and none of them waits for a reader that keeps up. */
const GATHERED_CHARACTERS = 32 * 1024;

/** How long a line may wait for others; ms. Waiting only for the next turn would keep the event loop busy: a tenth slower. */
const GATHERED_FOR = 10;

/** What may wait for a reader who has stalled; characters. Lines beyond are lost, and counted. */
const MAX_WAITING = 1024 * 1024;

/**
 * Gathers the lines of a few milliseconds into one write: a write per line costs a third of the endpoint's throughput.
 * What is gathered goes out before the process exits. A reader who doesn't read makes the log lossy, not the process large.
 */
export function gathered(stream: { write(text: string): unknown; readonly writableLength?: number }): {
  write(line: string): void;
} {
  let text = '';
  let lost = 0;
  const flush = () => {
    if (text === '') return;
    const whole = text;
    text = '';
    if ((stream.writableLength ?? 0) > MAX_WAITING) {
      lost += whole.split('\n').length - 1;
      return;
    }
    if (lost > 0) stream.write(lossLine(lost));
    lost = 0;
    stream.write(whole);
  };
  atExit(flush);
  return {
    write(line) {
      if (text === '') setTimeout(flush, GATHERED_FOR).unref();
      text += line;
      if (text.length >= GATHERED_CHARACTERS) flush();
    },
  };
}

/**
 * What may be logged of an error, and the logger's type. Every layer imports this file, so it doesn't load pino.
 *
 * @module
 */
import { masked } from './text/masked.ts';

export type { Logger } from 'pino';
export type { LogLevel } from './log-level.ts';

/** What of an error may be logged or answered: its code and its masked message, by allow-list. */
export function errorFields(error: unknown): { code: string; message: string } {
  if (error instanceof Error) {
    const code = (error as { code?: unknown }).code;
    return { code: typeof code === 'string' ? code : error.name, message: masked(error.message) };
  }
  return { code: 'Error', message: masked(String(error)) };
}

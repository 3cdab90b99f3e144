/**
 * SQLite's failures as ours.
 *
 * @module
 */
import { StoreError } from '../store.ts';

/** Failures that another try can't help. */
const LASTING =
  /^(UNUSABLE|SQLITE_NOTADB|SQLITE_CORRUPT.*|SQLITE_CANTOPEN.*|SQLITE_READONLY.*|SQLITE_AUTH|ENOENT|EACCES|EISDIR|ENOTDIR|EROFS)$/;

const FIXES: readonly (readonly [RegExp, string])[] = [
  [/^SQLITE_CANTOPEN/, 'let the process read and write the folder and the file'],
  [
    /^SQLITE_(CORRUPT|NOTADB)/,
    'the file is damaged or no database: move it and its -wal away, keep them as evidence, and restore a copy; without one, a new log is started',
  ],
];

/** A full disk and a lock leave the connection usable. */
export function leavesConnectionUsable({ code }: StoreError): boolean {
  return code === 'SQLITE_FULL' || code.startsWith('SQLITE_BUSY');
}

export function sqliteError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const given = (error as { code?: unknown }).code;
  const code = typeof given === 'string' && given !== '' ? given : codeIn(message);
  const fix = FIXES.find(([codes]) => codes.test(code))?.[1];
  const text = `audit database ${path}: ${message}${fix === undefined ? '' : `; ${fix}`}`;
  return new StoreError(code, text, !LASTING.test(code), { cause: error });
}

/** An error of libsql on opening has no code, only SQLite's number in its text. */
function codeIn(message: string): string {
  if (/: 14"/.test(message)) return 'SQLITE_CANTOPEN';
  return /: (11|26)"/.test(message) ? 'SQLITE_CORRUPT' : 'SQLITE_ERROR';
}

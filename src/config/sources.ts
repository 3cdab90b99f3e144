/**
 * The files that a configuration was made of, each with what tells it from another one of that name. That is noted before
 * the file is read: one that changes in between is read again, and never missed.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { fingerprint } from '../lib/files/fingerprint.ts';

export class Sources extends Map<string, string> {
  /** @param file absolute; one that isn't there is a source as well, since it may come */
  add(file: string): void {
    if (!this.has(file)) this.renew(file);
  }

  /** After this process has written the file itself. */
  renew(file: string): void {
    this.set(file, printNow(file));
  }

  /** It is there and could not be read just now (EMFILE, EIO): it counts as changed, so it is read again. */
  unread(file: string): void {
    this.set(file, UNREAD);
  }

  /** @returns whether the file was there */
  found(file: string): boolean {
    return (this.get(file) ?? '') !== '';
  }
}

/** After a failure to read a file; one that is missing or unfit is not read again before it changes. */
export function noteUnread(sources: Sources, file: string, { reason }: { readonly reason: string }): void {
  if (reason === 'failed') sources.unread(file);
}

/** Stands for a file whose content is unknown. */
export const UNREAD = 'unread';

/** '' where there is none. */
function printNow(file: string): string {
  try {
    return fingerprint(statSync(file, { bigint: true }));
  } catch {
    return '';
  }
}

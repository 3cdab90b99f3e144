/**
 * The SQLite store: a thread for as long as a connection is good, and another one when it isn't.
 *
 * @module
 */
import type { Head } from '../chain.ts';
import type { AuditRecord } from '../columns.ts';
import { type Store, StoreError, type StoreEvents, type Written } from '../store.ts';
import type { Change } from './files.ts';
import { type Answer, WriterThread } from './thread.ts';

/** How long the thread has to close its files when the process ends; ms. */
const EXIT_MS = 1_000;

/** @param options.worker another worker, for tests of one that hangs or dies */
export function sqliteStore(path: string, options: { worker?: URL } = {}): Store {
  let events: StoreEvents | undefined;
  let checked = false;
  const thread = new WriterThread(text => events?.warning('AuditDamaged', text), options.worker);
  /** What happened to the files, and the last head that was written to them. */
  let changed: { readonly change: Change; readonly head: Head | undefined } | undefined;

  /** Opens the database where it isn't open. @returns whether it holds what was written before */
  async function open(): Promise<boolean> {
    if (thread.running) return true;
    const answer = await thread.ask({ do: 'open', path, previous: changed?.head, check: !checked });
    if (!('opened' in answer)) throw unexpected();
    checked = true;
    const { continued } = answer.opened;
    if (changed !== undefined) events?.warning('AuditReplaced', changeText(path, changed.change, continued));
    changed = undefined;
    return continued;
  }

  function write(records: readonly AuditRecord[]): Promise<Answer> {
    return thread.ask({ do: 'write', records });
  }

  return {
    async open(given) {
      events = given;
      await open();
    },
    async write(records): Promise<Written> {
      await open();
      const first = await write(records);
      if ('written' in first) return first.written;
      if (!('changed' in first)) throw unexpected();
      const { head, committed } = first.changed;
      changed = first.changed;
      const continued = await open();
      if (committed && continued && head !== undefined) return { head, freeBytes: undefined };
      const second = await write(records);
      if ('written' in second) return second.written;
      if ('changed' in second) changed = second.changed;
      throw new StoreError('AUDIT_REPLACED', `audit database ${path}: its files change again and again`, true);
    },
    async close() {
      if (!thread.running || thread.busy) return thread.abandon();
      await thread.ask({ do: 'close' }).catch(() => {});
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, EXIT_MS);
      });
      await Promise.race([thread.ended(), late]);
      clearTimeout(timer);
    },
  };
}

function changeText(path: string, { file, what }: Change, continued: boolean): string {
  const name = file === 'wal' ? `${path}-wal` : path;
  const loss = continued ? 'no record was lost' : 'the first record of the new one names the last head of the old one';
  return `${name} was ${what} while it was in use; ${loss}`;
}

function unexpected(): StoreError {
  return new StoreError('INTERNAL', 'the audit worker gave an unexpected answer', true);
}

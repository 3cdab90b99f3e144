/**
 * Says when a file of the configuration has changed.
 *
 * Folders are watched, not files. Editors replace a file by rename and Kubernetes swaps a link, so a watch on a file
 * would stay with the old one. After an event the files are compared with the ones before. A slow poll finds changes
 * without events (network mounts, no watches left).
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../lib/clock.ts';
import { fingerprint } from '../lib/files/fingerprint.ts';
import { UNREAD } from './sources.ts';

export interface WatchOptions {
  readonly clock?: Clock;
  /** How long it must be quiet after an event, ms; default 200. */
  readonly debounceMs?: number;
  /** How often to look without an event, ms; default 10,000. */
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /**
   * Watches other files from now on.
   *
   * @param read each with which file it was when it was read, so a change since then isn't lost
   * @param more further paths; what is known of one that was watched before is kept
   */
  update(read: ReadonlyMap<string, string>, more?: Iterable<string>): void;
  close(): void;
}

/** The kernel's default limit is 128 instances and some thousand watches; the poll covers the rest. */
const MAX_FOLDERS = 64;
const MAX_DEBOUNCE_MS = 1_000;

/**
 * @param files absolute paths, each with which file it was when it was read; one that wasn't there is waited for
 * @param onChange gets the paths that changed, appeared or vanished
 */
export function watchConfig(
  files: ReadonlyMap<string, string>,
  onChange: (changed: readonly string[]) => void,
  options: WatchOptions = {},
): ConfigWatch {
  const { clock = systemClock, debounceMs = 200, pollMs = 10_000 } = options;
  let known = new Map<string, string>();
  let folders = new Map<string, FSWatcher>();
  let closed = false;
  let cancelDebounce: (() => void) | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  /** Monotonic time of the first event that no look has followed yet. */
  let restless: number | undefined;
  /** Other folders are to be watched. */
  let moved = false;
  let cancelPoll = clock.schedule(poll, pollMs);
  update(files);
  return { update, close };

  function update(read: ReadonlyMap<string, string>, more: Iterable<string> = []): void {
    if (closed) return;
    const next = new Map(read);
    for (const file of more) if (!next.has(file)) next.set(file, known.get(file) ?? '');
    known = next;
    // Not at once: a start has better to do, and the first look finds what changes until then.
    moved = true;
    soon();
  }

  function watchFolders(): void {
    const wanted = new Set([...known.keys()].map(file => dirname(file)));
    for (const [folder, watcher] of folders) if (!wanted.has(folder)) drop(folder, watcher);
    for (const folder of wanted) {
      if (folders.size >= MAX_FOLDERS) break;
      if (folders.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, soon);
        // A folder that goes away ends its watch; the poll looks whether it is back.
        watcher.on('error', () => drop(folder, watcher));
        folders.set(folder, watcher);
      } catch {
        // Not there, or no watches left: the poll does it.
      }
    }
  }

  function drop(folder: string, watcher: FSWatcher): void {
    watcher.close();
    if (folders.get(folder) === watcher) folders.delete(folder);
  }

  function soon(): void {
    if (closed) return;
    cancelDebounce?.();
    // A folder in which something is always going on, such as a database, mustn't put the look off for ever.
    restless ??= clock.monotonic();
    const remaining = Math.max(0, restless + MAX_DEBOUNCE_MS - clock.monotonic());
    cancelDebounce = clock.schedule(
      () => {
        cancelDebounce = undefined;
        restless = undefined;
        if (moved) watchFolders();
        moved = false;
        void look(false);
      },
      Math.min(debounceMs, remaining),
    );
  }

  function poll(): void {
    void look(true).then(() => {
      if (closed) return;
      // A folder that was removed and made again has another inode, and the old watch is silent. New ones are taken.
      for (const [folder, watcher] of folders) drop(folder, watcher);
      watchFolders();
      cancelPoll = clock.schedule(poll, pollMs);
    });
  }

  /** One look at a time; what comes in meanwhile means one more. */
  function look(isPoll: boolean): Promise<void> {
    again = looking !== undefined;
    looking ??= once(isPoll).finally(() => {
      looking = undefined;
      if (again && !closed) soon();
    });
    return looking;
  }

  async function once(isPoll: boolean): Promise<void> {
    const changed = new Map<string, string>();
    const looked = known;
    for (const [file, before] of looked) {
      // What could not be read is tried again at the poll's pace: at an event's it would be tried without end.
      if (before === UNREAD && !isPoll) continue;
      const print = await stat(file, { bigint: true }).then(fingerprint, () => '');
      if (before !== print) changed.set(file, print);
    }
    // Other files may be watched by now: the look that follows finds what differs from them.
    if (closed || looked !== known || changed.size === 0) return;
    for (const [file, print] of changed) known.set(file, print);
    onChange([...changed.keys()]);
  }

  function close(): void {
    closed = true;
    cancelPoll();
    cancelDebounce?.();
    for (const [folder, watcher] of folders) drop(folder, watcher);
    folders = new Map();
  }
}

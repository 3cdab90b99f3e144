import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Sources } from '../../src/config/sources.ts';
import { type ConfigWatch, watchConfig } from '../../src/config/watch.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { configFolder } from '../support/config-folder.ts';
import { fakeClock } from '../support/fake-clock.ts';

let watches: ConfigWatch[] = [];
afterEach(() => {
  for (const watch of watches) watch.close();
  watches = [];
});

function sourcesOf(files: readonly string[]): Sources {
  const sources = new Sources();
  for (const file of files) sources.add(file);
  return sources;
}

/** A watch whose changes can be awaited one by one. */
function watching(files: string[] | Sources, options: { clock?: Clock; pollMs?: number; debounceMs?: number } = {}) {
  const changes: (readonly string[])[] = [];
  let wake = () => {};
  const watch = watchConfig(
    Array.isArray(files) ? sourcesOf(files) : files,
    changed => {
      changes.push(changed);
      wake();
    },
    { clock: systemClock, debounceMs: 5, pollMs: 3_600_000, ...options },
  );
  watches.push(watch);
  return {
    watch,
    changes,
    async next(): Promise<readonly string[]> {
      if (changes.length === 0) await new Promise<void>(resolve => (wake = resolve));
      return changes.shift() ?? [];
    },
  };
}

describe('by events', () => {
  it('a file that is written is a change', async () => {
    const { write } = configFolder();
    const file = write('a', '1');
    const { next } = watching([file]);
    writeFileSync(file, '22');
    expect(await next()).toEqual([file]);
  });

  it('a file that changed after it was read and before it was watched is a change', async () => {
    const { write } = configFolder();
    const file = write('a', '1');
    const read = sourcesOf([file]);
    writeFileSync(file, '22');
    expect(await watching(read).next()).toEqual([file]);
  });

  it("a file that is replaced by rename, an editor's way, is a change, each time", async () => {
    const { dir, write } = configFolder();
    const file = write('a', '1');
    const { next } = watching([file]);
    for (const content of ['2', '3']) {
      renameSync(write('a.tmp', content), join(dir, 'a'));
      expect(await next()).toEqual([file]);
    }
  });

  it('a swap of the link behind the folder, as Kubernetes does it, is a change', async () => {
    const { dir, write } = configFolder();
    write('..v1/a', '1');
    write('..v2/a', '2');
    symlinkSync('..v1', join(dir, '..data'));
    symlinkSync('..data/a', join(dir, 'a'));
    const { next } = watching([join(dir, 'a')]);
    symlinkSync('..v2', join(dir, '..tmp'));
    renameSync(join(dir, '..tmp'), join(dir, '..data'));
    expect(await next()).toEqual([join(dir, 'a')]);
  });

  it('a file that vanishes or appears is a change', async () => {
    const { write } = configFolder();
    const file = write('a', '1');
    const { next } = watching([file]);
    unlinkSync(file);
    expect(await next()).toEqual([file]);
    write('a', '1');
    expect(await next()).toEqual([file]);
  });
});

describe('by the poll, where there are no events', () => {
  const poll = { pollMs: 1_000 };

  /** Lets the look that the clock has started come to its end. */
  const looked = async (clock: ReturnType<typeof fakeClock>) => {
    await clock.advance(1_000);
    while (clock.pending === 0) await new Promise(resolve => setImmediate(resolve));
  };

  it('a change is found, in a folder too that was not there before', async () => {
    const { dir } = configFolder();
    const clock = fakeClock();
    const file = join(dir, 'later', 'a');
    const { next } = watching([file], { ...poll, clock });
    mkdirSync(join(dir, 'later'));
    writeFileSync(file, '1');
    await clock.advance(1_000);
    expect(await next()).toEqual([file]);
    rmSync(join(dir, 'later'), { recursive: true });
  });

  it('what stays as it is is no change, and another file in the folder is none', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const file = write('a', '1');
    const { changes } = watching([file], { ...poll, clock });
    write('b', '1');
    for (let i = 0; i < 3; i++) await looked(clock);
    expect(changes).toEqual([]);
  });

  it('a folder in which something is always going on doesn’t put the look off for ever', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const file = write('a', '1');
    const { watch, next } = watching([file], { ...poll, pollMs: 3_600_000, debounceMs: 200, clock });
    const read = sourcesOf([file]);
    write('a', '22');
    for (let i = 0; i < 10; i++) {
      watch.update(read);
      await clock.advance(100);
    }
    expect(await next()).toEqual([file]);
  });

  it('a change after a file was read is not lost when the files are told', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const [a, b] = [write('a', '1'), write('b', '1')];
    const { watch, next } = watching([a], { ...poll, clock });
    const read = sourcesOf([a, b]);
    write('a', '22');
    watch.update(read);
    await clock.advance(1_000);
    expect(await next()).toEqual([a]);
  });

  it('a file that the new configuration doesn’t have is still watched, as it was known', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const [a, b] = [write('a', '1'), write('b', '1')];
    const { watch, next, changes } = watching([a, b], { ...poll, clock });
    watch.update(sourcesOf([a]), [a, b]);
    for (let i = 0; i < 2; i++) await looked(clock);
    expect(changes).toEqual([]);
    write('b', '22');
    await clock.advance(1_000);
    expect(await next()).toEqual([b]);
  });

  it('a file that could not be read counts as changed at the next poll, and not at an event', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const file = write('a', '1');
    const read = sourcesOf([file]);
    read.unread(file);
    const { changes, next } = watching(read, { pollMs: 10_000, debounceMs: 200, clock });
    await clock.advance(9_999);
    await new Promise(resolve => setImmediate(resolve));
    expect(changes).toEqual([]);
    await clock.advance(1);
    expect(await next()).toEqual([file]);
  });

  it('nothing is said, and no timer is left, once it is closed', async () => {
    const { write } = configFolder();
    const clock = fakeClock();
    const file = write('a', '1');
    const { watch, changes } = watching([file], { ...poll, clock });
    watch.close();
    write('a', '22');
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
    expect(changes).toEqual([]);
  });
});

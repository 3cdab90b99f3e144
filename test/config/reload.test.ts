import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Reload, reloadOnChange } from '../../src/config/reload.ts';
import { Sources } from '../../src/config/sources.ts';
import type { Config } from '../../src/config/types.ts';
import type { ConfigWatch } from '../../src/config/watch.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { deferred } from '../auth/support.ts';
import { fakeClock } from '../support/fake-clock.ts';

let reload: Reload | undefined;
afterEach(() => reload?.close());

function config(...files: string[]): Config {
  const sources = new Sources();
  for (const file of files) sources.set(file, 'read');
  return { sources, warnings: [], workloads: new Map() } as unknown as Config;
}

/** A reload whose reading is the test's, and a watch that keeps what it is told. */
function reloading(read: () => Promise<Config>) {
  const lines: { msg: string; problems?: string[] }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const applied: Config[] = [];
  const watched: { read: [string, string][]; more: string[] }[] = [];
  let changed: () => void = () => {};
  reload = reloadOnChange({
    config: config('/c'),
    read,
    apply: async next => void applied.push(next),
    clock: fakeClock(),
    log,
    watch: (_, onChange): ConfigWatch => {
      changed = () => onChange(['/c']);
      return { update: (files, more = []) => void watched.push({ read: [...files], more: [...more] }), close() {} };
    },
  });
  onTestFinished(() => reload?.close());
  return { reload, lines, applied, watched, changed: () => changed() };
}

describe('a reload', () => {
  it('runs one at a time and lets one wait: a hundred signals are two reloads', async () => {
    let reads = 0;
    const first = deferred<Config>();
    const { reload, applied } = reloading(() => (++reads === 1 ? first.promise : Promise.resolve(config('/c'))));
    const all = Array.from({ length: 100 }, () => reload.now('SIGHUP'));
    expect(reads).toBe(1);
    first.resolve(config('/c'));
    await Promise.all(all);
    expect([reads, applied.length]).toEqual([2, 2]);
    await reload.now('SIGHUP');
    expect(reads).toBe(3);
  });

  it('that fails leaves what runs, and watches the files of both', async () => {
    const sources = new Sources([['/new', 'as it was read']]);
    const { reload, applied, watched, lines } = reloading(async () => {
      throw new ConfigError('/c', [{ key: 'region', message: 'missing' }], sources);
    });
    await reload.now('change');
    expect(applied).toEqual([]);
    expect(watched).toEqual([{ read: [['/new', 'as it was read']], more: ['/c'] }]);
    expect(lines).toMatchObject([{ problems: ['/c region: missing'] }]);
  });

  it('that fails in the same way again, as a retry may, is logged once; a signal always has its answer', async () => {
    const { reload, lines } = reloading(async () => {
      throw new ConfigError('/c', [{ key: '', message: 'can’t be read (EMFILE)' }]);
    });
    await reload.now('change');
    await reload.now('change');
    expect(lines).toHaveLength(1);
    await reload.now('SIGHUP');
    expect(lines).toHaveLength(2);
  });

  it('says nothing of a configuration that came while it closed', async () => {
    const reading = deferred<Config>();
    const { reload, lines, watched } = reloading(() => reading.promise);
    const done = reload.now('SIGHUP');
    reload.close();
    reading.resolve(config('/c'));
    await done;
    expect([lines, watched]).toEqual([[], []]);
  });

  it('does nothing once it is closed', async () => {
    const { reload, applied } = reloading(async () => config('/c'));
    reload.close();
    await reload.now('SIGHUP');
    expect(applied).toEqual([]);
  });
});

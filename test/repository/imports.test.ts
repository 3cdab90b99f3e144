/**
 * Data goes one way: a request walks down the floors and its answer walks back up.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { files, importsOf } from '../support/repository.ts';

/** From the top. A file may import from its own floor and from those below it. */
const floors: readonly (readonly string[])[] = [
  ['src/bin.ts', 'src/index.ts'],
  ['src/cli/'],
  // A service beside the sidecar, not above or below it; what may reach it is said further down.
  ['src/sidecar.ts', 'src/composition/', 'src/emulator/', 'src/federation/'],
  ['src/http/'],
  ['src/vending/'],
  ['src/identity-token/', 'src/exchange/', 'src/audit/'],
  ['src/workload/', 'src/config/'],
  [
    'src/errors.ts',
    'src/clock.ts',
    'src/log.ts',
    'src/log-level.ts',
    'src/make-folder.ts',
    'src/metrics.ts',
    'src/plain-text.ts',
    'src/policy-pattern.ts',
    'src/prometheus.ts',
    'src/version.ts',
    'src/outbound/',
    'src/outbound.ts',
  ],
];

const sources = files('src', '.ts');
const floorOf = (file: string) => floors.findIndex(rooms => rooms.some(room => file === room || file.startsWith(room)));
const edges = sources.flatMap(file => importsOf(file).map(target => ({ file, target })));

/** The first circle that is found, as a path; empty when there is none. */
function circle(): string[] {
  const finished = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return [];
    for (const { target } of edges.filter(edge => edge.file === file)) {
      const found = walk(target, [...path, file]);
      if (found.length > 0) return found;
    }
    finished.add(file);
    return [];
  };
  for (const file of sources) {
    const found = walk(file, []);
    if (found.length > 0) return found;
  }
  return [];
}

describe('the floors', () => {
  test('every source stands on a floor', () => {
    expect(sources.filter(file => floorOf(file) === -1)).toEqual([]);
  });

  test('every import is of a file that exists', () => {
    expect(edges.filter(({ target }) => !sources.includes(target))).toEqual([]);
  });

  test('nothing imports upwards', () => {
    expect(edges.filter(({ file, target }) => floorOf(target) < floorOf(file))).toEqual([]);
  });

  test('there are no circles', () => {
    expect(circle()).toEqual([]);
  });
});

describe('what has one door', () => {
  const from = (room: string) => edges.filter(({ file, target }) => target.startsWith(room) && !file.startsWith(room));

  test('only `dev` and the library come to the STS emulator', () => {
    const allowed = (file: string) => /^src\/cli\/(verbs\/)?dev\b[^/]*\.ts$|^src\/index\.ts$/.test(file);
    expect(from('src/emulator/').filter(({ file }) => !allowed(file))).toEqual([]);
  });

  test('only the command line comes to what sets up the account', () => {
    expect(from('src/federation/').filter(({ file }) => !file.startsWith('src/cli/'))).toEqual([]);
  });

  test('nothing but the entry module and the library imports the composition root, and the command line', () => {
    const above = (file: string) => file.startsWith('src/cli/') || file === 'src/index.ts' || file === 'src/bin.ts';
    expect(from('src/sidecar.ts').filter(({ file }) => !above(file))).toEqual([]);
  });
});

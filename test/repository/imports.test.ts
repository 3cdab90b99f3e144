/**
 * Data goes one way: a request goes down the layers and its response goes back up.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { files, importsOf } from '../support/repository.ts';

/** From the top. A file may import from its own layer and from those below it; the longest prefix decides its layer. */
const layers: readonly (readonly string[])[] = [
  ['src/bin.ts', 'src/index.ts'],
  ['src/start-dev.ts'],
  ['src/cli/'],
  // The cloud account and the emulator stand beside the server; what may import them is said further down.
  ['src/server/', 'src/aws/', 'src/emulator/'],
  ['src/http/'],
  ['src/credentials/'],
  ['src/identity-token/', 'src/audit/'],
  ['src/auth/'],
  ['src/config/'],
  ['src/workload/'],
  // Reading and evaluating policies needs nothing of ours, so session policies in the configuration may use it.
  ['src/aws/iam/'],
  ['src/lib/', 'src/package.ts'],
];

const sources = files('src', '.ts');

function layerOf(file: string): number {
  let found = { layer: -1, length: 0 };
  for (const [layer, prefixes] of layers.entries())
    for (const prefix of prefixes)
      if (file.startsWith(prefix) && prefix.length > found.length) found = { layer, length: prefix.length };
  return found.layer;
}

const edges = sources.flatMap(file => importsOf(file).map(target => ({ file, target })));

/** The first cycle that is found, as a path; empty when there is none. */
function cycle(): string[] {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return [];
    for (const { target } of edges.filter(edge => edge.file === file)) {
      const found = visit(target, [...path, file]);
      if (found.length > 0) return found;
    }
    finished.add(file);
    return [];
  };
  for (const file of sources) {
    const found = visit(file, []);
    if (found.length > 0) return found;
  }
  return [];
}

describe('the layers', () => {
  test('every source belongs to a layer', () => {
    expect(sources.filter(file => layerOf(file) === -1)).toEqual([]);
  });

  test('every import is of a file that exists', () => {
    expect(edges.filter(({ target }) => !sources.includes(target))).toEqual([]);
  });

  test('nothing imports upwards', () => {
    expect(edges.filter(({ file, target }) => layerOf(target) < layerOf(file))).toEqual([]);
  });

  test('there are no cycles', () => {
    expect(cycle()).toEqual([]);
  });
});

describe('imports from outside a layer', () => {
  const from = (folder: string) =>
    edges.filter(({ file, target }) => target.startsWith(folder) && !file.startsWith(folder));

  test('only `dev` and the library come to the STS emulator', () => {
    const allowed = (file: string) => /^src\/cli\/commands\/dev\/|^src\/(index|start-dev)\.ts$/.test(file);
    expect(from('src/emulator/').filter(({ file }) => !allowed(file))).toEqual([]);
  });

  test('only the command line comes to what sets up the account', () => {
    const account = from('src/aws/').filter(({ target }) => !target.startsWith('src/aws/iam/'));
    expect(account.filter(({ file }) => !file.startsWith('src/cli/'))).toEqual([]);
  });

  test('nothing but the entry module and the library imports the composition root, and the command line', () => {
    const above = (file: string) => file.startsWith('src/cli/') || /^src\/(bin|index|start-dev)\.ts$/.test(file);
    expect(from('src/server/sidecar.ts').filter(({ file }) => !above(file))).toEqual([]);
  });
});

/**
 * What is installed, and what is passed on: no package runs code at installation, native ones are known by name, every
 * lock entry is pinned by its content, and what ships may be passed on.
 *
 * @module
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { bundledPackages, files, isInstalled, lockEntries, read } from '../support/repository.ts';

const entries = lockEntries();
const manifest = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>;
  engines: { node: string };
  license: string;
};

/** One name for a family that has a package a platform. */
const family = (path: string) =>
  path
    .slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    .replace(/[-/](aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|wasm32|win32)\b.*$/, '-*')
    .replace(/(cli|binding)-\*$/, '$1-*');

describe('the lockfile', () => {
  test('lists every package with an install script', () => {
    const scripted = entries.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => family(path));
    // esbuild's only makes its command start faster; its binary comes as an optional package.
    expect(scripted).toEqual(['esbuild']);
  });

  test('lists every package with a native binary', () => {
    const native = entries
      .filter(([, { os, cpu }]) => os !== undefined || cpu !== undefined)
      .map(([path]) => family(path));
    expect([...new Set(native)].sort()).toEqual([
      '@biomejs/cli-*',
      '@esbuild-*',
      '@libsql-*',
      '@rolldown/binding-*',
      '@typescript/typescript-*',
      'fsevents',
      'libsql',
      'lightningcss-*',
    ]);
  });

  test('pins every package by its content, wherever it is fetched from', () => {
    expect(entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });
});

describe('no native binary hides', () => {
  test('in a package that the list above lacks', () => {
    const listed = /^node_modules\/(@biomejs|@esbuild|esbuild|@libsql|@rolldown|@typescript|fsevents|lightningcss)\b/;
    expect(files('node_modules', '.node', '.so', '.dylib', '.dll', '.exe').filter(file => !listed.test(file))).toEqual(
      [],
    );
  });
});

describe('what ships', () => {
  const permissive =
    /^\(?(?:(?:MIT|MIT-0|ISC|0BSD|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|BlueOak-1\.0\.0)(?: OR | AND |\)?$))+$/;
  let bundled: string[] = [];
  beforeAll(async () => {
    bundled = await bundledPackages();
  });

  const licenceOf = (folder: string) =>
    (JSON.parse(read(`${folder}/package.json`)) as { license?: string }).license ?? '';

  test('is the bundle and the one package that cannot be bundled', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['libsql']);
    expect(bundled.length).toBeGreaterThan(5);
  });

  test('has permissive licences only', () => {
    const installed = entries.filter(([path, { dev }]) => dev !== true && isInstalled(path)).map(([path]) => path);
    const bad = [...installed, ...bundled].filter(folder => !permissive.test(licenceOf(folder)));
    expect(bad.map(folder => `${folder}: ${licenceOf(folder)}`)).toEqual([]);
    const locked = entries.filter(([, { dev, license }]) => dev !== true && !permissive.test(license ?? ''));
    expect(locked).toEqual([]);
  });

  test('names every bundled package and its terms', () => {
    const notice = read('dist/THIRD-PARTY-LICENSES.txt');
    const names = bundled.map(folder => (JSON.parse(read(`${folder}/package.json`)) as { name: string }).name);
    expect(names.filter(name => !notice.includes(`\n${name} `))).toEqual([]);
  });

  test('does not contain what only tests and builds need', () => {
    expect(bundled.filter(folder => /vitest|fast-check|esbuild|biome|typescript|pglite/.test(folder))).toEqual([]);
  });
});

test('the project says its own licence and the node it wants', () => {
  expect(manifest.license).toBe('Apache-2.0');
  expect(manifest.engines.node).toBe('>=20.19');
  expect(read('LICENSE')).toContain('Apache License');
});

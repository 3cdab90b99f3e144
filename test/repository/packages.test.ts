/**
 * What is installed, and what is passed on: no package runs code at installation, native ones are known by name, every
 * lock entry is pinned by its content, and what ships may be passed on.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { root } from '../support/process.ts';
import { bundledPackages, files, lockEntries, read, shippedPackages } from '../support/repository.ts';

const entries = lockEntries();
const manifest = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
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
  let shipped: Awaited<ReturnType<typeof shippedPackages>> = [];
  beforeAll(async () => {
    [bundled, shipped] = await Promise.all([bundledPackages(), shippedPackages()]);
  });

  test('is the bundle, and libsql with its native parts', () => {
    const beside = shipped.map(({ path }) => path).filter(path => !bundled.includes(path));
    expect([...new Set(beside.map(family))].sort()).toEqual(['@libsql-*', '@neon-rs/load', 'detect-libc', 'libsql']);
    expect(bundled.length).toBeGreaterThan(5);
  });

  test('is declared under `dependencies`: every one of ours that ships, and none that doesn’t', () => {
    const ours = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const names = shipped.map(({ name }) => name);
    expect(Object.keys(manifest.dependencies).sort()).toEqual(ours.filter(name => names.includes(name)).sort());
  });

  test('has permissive licences only', () => {
    expect(shipped.filter(({ license }) => !permissive.test(license))).toEqual([]);
    const locked = entries.filter(([, { dev, license }]) => dev !== true && !permissive.test(license ?? ''));
    expect(locked).toEqual([]);
  });

  test('is named with its terms in the list of licences', () => {
    const notice = read('dist/THIRD-PARTY-LICENSES.txt');
    expect(shipped.filter(({ name, version }) => !notice.includes(`\n${name} ${version} (`))).toEqual([]);
  });

  test('is what the bill of materials lists, each as required', () => {
    const said = execFileSync(process.execPath, ['scripts/sbom.mjs'], { cwd: root, encoding: 'utf8' });
    const { components, metadata } = JSON.parse(said) as {
      components: { 'bom-ref': string; scope: string; properties: unknown[]; licenses: unknown[] }[];
      metadata: { component: { name: string } };
    };
    expect(metadata.component.name).toBe('walletcreds');
    expect(components.map(each => each['bom-ref']).sort()).toEqual(
      shipped.map(({ name, version }) => `${name}@${version}`).sort(),
    );
    expect(components.filter(({ scope, properties }) => scope !== 'required' || properties.length > 0)).toEqual([]);
    expect(said).not.toContain('vitest');
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

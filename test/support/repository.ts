/**
 * The repository as its own tests read it: tracked and new files, sources, imports, the lockfile.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { root } from './process.ts';

/** Every file under `folder` that ends in one of `endings`, relative to the repository, sorted. */
export function files(folder: string, ...endings: string[]): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && endings.some(ending => entry.name.endsWith(ending)))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** The repository's own modules that a source imports, statically or not, relative to the repository. */
export function importsOf(file: string): string[] {
  const specifiers = read(file).matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|new URL\(\s*)'(\.{1,2}\/[^']+\.ts)'/g);
  return [...specifiers].map(([, specifier = '']) => posix.join(posix.dirname(file), specifier));
}

export interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The lockfile's entries by their path (`node_modules/…`), without the root's own. */
export function lockEntries(): [string, LockEntry][] {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> };
  return Object.entries(packages).filter(([path]) => path !== '');
}

/** What esbuild says of the bundle, built again, in memory. */
export async function metafile(): Promise<{
  inputs: Record<string, { imports: { path: string; kind: string; external?: boolean }[] }>;
  outputs: Record<
    string,
    {
      entryPoint?: string;
      bytes: number;
      imports: { path: string; kind: string; external?: boolean }[];
      inputs: Record<string, { bytesInOutput: number }>;
    }
  >;
}> {
  const build: unknown = await import(new URL('../../scripts/bundle.mjs', import.meta.url).href);
  return (await (build as { bundle: () => Promise<{ metafile: never }> }).bundle()).metafile;
}

interface Shipped {
  bundledPackages(metafile: unknown): string[];
  externalPackages(metafile: unknown): string[];
  shippedPackages(metafile: unknown): { path: string; name: string; version: string; license: string }[];
}

async function shipped(): Promise<Shipped> {
  return import(new URL('../../scripts/shipped.mjs', import.meta.url).href) as Promise<Shipped>;
}

/** Folders of the packages whose code is in the bundle. */
export async function bundledPackages(): Promise<string[]> {
  return (await shipped()).bundledPackages(await metafile());
}

/** The packages whose code ships, in the bundle or beside it. */
export async function shippedPackages(): Promise<ReturnType<Shipped['shippedPackages']>> {
  return (await shipped()).shippedPackages(await metafile());
}

/** What `npm pack` would ship of the folder. */
export function packed(): string[] {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [tarball] = JSON.parse(said) as { files: { path: string }[] }[];
  return (tarball?.files ?? []).map(({ path }) => path).sort();
}

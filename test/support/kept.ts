/**
 * Tools that only tests run, fetched once into a folder of their own and kept for the next run: never installed, and no
 * dependency of the project.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A folder that `fill` fills once on this machine; two runs at once fill two, and the first to be ready wins. */
export async function kept(name: string, fill: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(tmpdir(), `walletcreds-test-tools-${userInfo().uid}`, name);
  if (existsSync(folder)) return folder;
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const fresh = await mkdtemp(join(parent, 'new-'));
  try {
    await fill(fresh);
    await rename(fresh, folder).catch(() => undefined);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** A folder with these packages of the registry, each at exactly this version. */
export function keptPackages(packages: Readonly<Record<string, string>>): Promise<string> {
  const name = Object.entries(packages)
    .map(([each, version]) => `${each.replace(/\W+/g, '-')}-${version}`)
    .join('_');
  return kept(name, async fresh => {
    await writeFile(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: packages }));
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    await run('npm', ['install', ...flags], { cwd: fresh, timeout: 55_000 });
  });
}

/** The first line of what went wrong, as a reason to skip. */
export const why = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);

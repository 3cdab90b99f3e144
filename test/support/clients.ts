/**
 * Where clients come from that are no dependency of the project: Debian's from the machine, npm's from a folder that is
 * filled once and kept for the next run. What is missing is a reason to skip a test, said aloud; `.ci/run` installs
 * everything and takes no skip.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { cleanEnv, output, run } from './process.ts';

/** Pinned, since a client that changes under the suite's feet proves nothing about a commit. */
const packages = {
  'aws-sdk': '2.1693.0',
  'aws-crt': '1.33.2',
  minio: '8.0.7',
  '@lancedb/lancedb': '0.37.1',
  'nodejs-polars': '0.24.1',
};

/** Says why a test won't run; once for every reason. */
const said = new Set<string>();
export function because(reason: string | undefined): reason is string {
  if (reason === undefined) return false;
  if (!said.has(reason)) process.stderr.write(`skipped: ${reason}\n`);
  said.add(reason);
  return true;
}

/** By dpkg's own records; a package that can be there for several architectures has one of them in its file's name. */
function installed(name: string): boolean {
  return ['', ':amd64', ':arm64'].some(suffix => existsSync(`/var/lib/dpkg/info/${name}${suffix}.list`));
}

/** What of these Debian packages is not installed here, as a reason to skip. */
export function debian(...names: string[]): string | undefined {
  const absent = names.filter(name => !installed(name));
  return absent.length === 0
    ? undefined
    : `Debian's ${absent.join(', ')} not installed (apt-get install ${absent.join(' ')})`;
}

/**
 * A folder to resolve npm's clients from, filled at the first call on this machine (some 20 s, 700 MB); or why there is none.
 * Two runs at once fill two folders, and the first to be ready wins.
 */
export async function npmClients(): Promise<{ folder: string; missing: string | undefined }> {
  const text = JSON.stringify({ name: 'walletcreds-clients', private: true, dependencies: packages });
  const folder = join(tmpdir(), `walletcreds-clients-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return { folder, missing: undefined };
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  writeFileSync(join(building, 'package.json'), text);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=1'];
  const npm = join(dirname(process.execPath), 'npm');
  const { code, stderr } = await run(existsSync(npm) ? npm : 'npm', ['install', ...flags], {
    env: { ...(process.env as Record<string, string>) },
    cwd: building,
    timeout: 240_000,
  });
  if (code === 0 && !existsSync(folder)) renameSync(building, folder);
  rmSync(building, { recursive: true, force: true });
  const told = stderr.split('\n').find(line => line.startsWith('npm error')) ?? 'it did not end in time';
  return { folder, missing: existsSync(folder) ? undefined : `npm's clients can't be installed: ${told}` };
}

/**
 * A Go program of the tests, built with Debian's SDKs.
 * @param source the folder with its `main.go`
 * @param into where the binary goes; one that is there already is taken
 */
export async function goProgram(source: string, into: string): Promise<string> {
  const cache = join(tmpdir(), 'walletcreds-clients-go');
  mkdirSync(cache, { recursive: true });
  const binary = join(into, basename(source));
  if (existsSync(binary)) return binary;
  const env = cleanEnv(cache, { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(cache, 'build') });
  await output('/usr/bin/go', ['build', '-o', binary, 'main.go'], { env, cwd: source, timeout: 240_000 });
  return binary;
}

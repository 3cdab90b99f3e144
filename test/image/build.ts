/**
 * The Dockerfile itself, built without an engine and without a registry: buildah with chroot isolation, on bases made of
 * this machine's node. What it can't show is that the bases named in the Dockerfile are there and are what they say.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { debian } from '../support/clients.ts';
import { root } from '../support/process.ts';

/** Why nothing can be built here; undefined where it can. */
export function missingForImages(): string | undefined {
  if (process.platform !== 'linux') return 'images are built on Linux';
  if (process.getuid?.() !== 0) return 'building an image here needs root';
  return debian('buildah');
}

const GIB = 1024 ** 3;

/**
 * Where images are kept while they are tested: in memory where there is plenty, since an install of every package is
 * written, read for its digest, and thrown away, three times over; else where temporary files are.
 */
export function placeForImages(): string {
  const memory = '/dev/shm';
  const mounts = existsSync('/proc/self/mounts') ? readFileSync('/proc/self/mounts', 'utf8').split('\n') : [];
  // Engines give containers one of 64 MB from which nothing may be run.
  const [, , type, options = 'noexec'] = mounts.findLast(line => line.split(' ')[1] === memory)?.split(' ') ?? [];
  if (type !== 'tmpfs' || /\bnoexec\b/.test(options)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return bavail * bsize > 2 * GIB && Math.min(freemem(), limit) > 6 * GIB ? memory : tmpdir();
}

export interface Images {
  /** `buildah ARGS…`, its output trimmed. */
  buildah(...args: string[]): string;
  /** Builds the Dockerfile as `localhost/<name>`. */
  build(name: string, ...flags: string[]): void;
  /** A copy of the image's files, to run in. @returns its folder */
  unpack(image: string): string;
  /** Takes its mounts away, so that the folder can be removed. */
  close(): void;
}

/** @param folder where everything of it is kept; remove it and nothing is left */
export function images(folder: string): Images {
  mkdirSync(folder, { recursive: true });
  const context = contextIn(join(folder, 'context'));
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const store = ['--storage-driver', 'overlay', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')];
  const buildah = (...args: string[]) =>
    execFileSync('/usr/bin/buildah', [...store, ...args], {
      encoding: 'utf8',
      cwd: context,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder, BUILDAH_ISOLATION: 'chroot', TMPDIR: folder },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 280_000,
    }).trim();
  const base = (name: string, from: string, fill: (folder: string) => void, ...config: string[]) => {
    const container = buildah('from', '--signature-policy', policy, from);
    fill(buildah('mount', container));
    buildah('config', ...config, container);
    buildah('commit', '--signature-policy', policy, container, `localhost/${name}`);
    buildah('rm', container);
    return `localhost/${name}`;
  };
  const makeBases = () => {
    const runtime = base('runtime-base', 'scratch', fillRuntimeBase, '--env', 'PATH=/usr/local/bin');
    const path = ['--env', 'PATH=/usr/local/bin:/usr/bin:/bin'];
    return { runtime, build: base('build-base', runtime, fillBuildBase, ...path, ...trust()) };
  };
  let bases: ReturnType<typeof makeBases> | undefined;
  return {
    buildah,
    build(name, ...flags) {
      bases ??= makeBases();
      const chosen = ['--build-arg', `NODE_IMAGE=${bases.build}`, '--build-arg', `RUNTIME_IMAGE=${bases.runtime}`];
      buildah(
        ...['build', '--signature-policy', policy, '--pull-never', '--format', 'docker', '--isolation', 'chroot'],
        ...['--network', 'host', ...chosen, ...flags, '--tag', `localhost/${name}`, '.'],
      );
    },
    unpack(image) {
      return buildah('mount', buildah('from', '--signature-policy', policy, `localhost/${image}`));
    },
    close() {
      buildah('umount', '--all');
      const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
      const own = mounts.map(line => line.split(' ')[1] ?? '').filter(place => place.startsWith(`${folder}/`));
      for (const place of own.reverse()) execFileSync('/usr/bin/umount', [place]);
    },
  };
}

/** What the builder would be sent, as it is now: an edit between two builds must not show as a difference. */
function contextIn(folder: string): string {
  const rules = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const sent = rules.filter(line => line.startsWith('!')).map(line => line.slice(1));
  for (const name of ['Dockerfile', '.dockerignore', ...sent])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  return folder;
}

/** Where a proxy with a certificate of its own stands in front of the registry, node must be told inside as well. */
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
const trust = () =>
  existsSync(BUNDLE) ? ['--env', `NODE_EXTRA_CA_CERTS=${BUNDLE}`, '--env', `npm_config_cafile=${BUNDLE}`] : [];

/** A file at the same place inside, links followed. */
function take(folder: string, file: string, at = file): void {
  mkdirSync(join(folder, dirname(at)), { recursive: true });
  copyFileSync(realpathSync(file), join(folder, at));
}

/** A program, and the shared libraries that it is linked to. */
function program(folder: string, file: string, at = file): void {
  take(folder, file, at);
  linkedTo(folder, file);
}

function linkedTo(folder: string, file: string): void {
  const libraries = execFileSync('/usr/bin/ldd', [file], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g);
  for (const [, library = ''] of libraries) take(folder, library);
}

/** Node, the C library as a whole as far as libsql wants it, an account, and no shell. */
function fillRuntimeBase(folder: string): void {
  program(folder, process.execPath, '/usr/local/bin/node');
  const native = join(root, 'node_modules/@libsql', `linux-${process.arch}-gnu`, 'index.node');
  linkedTo(folder, native);
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), 'nonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n');
  mkdirSync(join(folder, 'tmp'), { mode: 0o1777 });
}

/** On top of that npm, and the programs that the Dockerfile's steps call, all of which Debian's smallest image has. */
function fillBuildBase(folder: string): void {
  for (const name of ['sh', 'cp', 'rm', 'find', 'touch', 'sed', 'env']) program(folder, `/usr/bin/${name}`);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync('/usr/bin/sh', join(folder, 'bin/sh'));
  symlinkSync('/usr/bin/env', join(folder, 'bin/env'));
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())));
  const inside = join(folder, 'usr/local/lib/node_modules');
  mkdirSync(inside, { recursive: true });
  execFileSync('cp', ['-r', npm, join(inside, basename(npm))]);
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'));
  if (existsSync(BUNDLE)) take(folder, BUNDLE);
}

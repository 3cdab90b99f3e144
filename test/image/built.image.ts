/**
 * The image: built from the Dockerfile twice, and run as the recipes run it, read-only and as nobody in particular.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { because } from '../support/clients.ts';
import { type Finished, root, run, temporaryFolder } from '../support/process.ts';
import { type Images, images, missingForImages, placeForImages } from './build.ts';

const missing = missingForImages();
const MOMENT = '1700000000';

describe.skipIf(because(missing))('the image', () => {
  const folder = temporaryFolder('image', placeForImages());
  let built: Images;
  let files: string;
  beforeAll(() => {
    built = images(join(folder.path, 'images'));
    built.build('first', '--layers', '--build-arg', `SOURCE_DATE_EPOCH=${MOMENT}`, '--timestamp', MOMENT);
    files = built.unpack('first');
    for (const place of ['proc', 'dev', 'run/walletcreds']) mkdirSync(join(files, place), { recursive: true });
  }, 300_000);
  afterAll(() => {
    built?.close();
    folder.remove();
  });

  const config = () => {
    const text = built.buildah('inspect', '--type', 'image', 'localhost/first');
    return (JSON.parse(text) as { Docker: { config: Record<string, unknown> } }).Docker.config as {
      User: string;
      Env: string[];
      Entrypoint: string[];
      Cmd: string[];
      Healthcheck: { Test: string[] };
      Labels: Record<string, string>;
    };
  };

  /** Namespaces of its own, the root read-only, a tmpfs to write to, uid 65532, no capability: what the recipes say. */
  function inside(...command: string[]): Promise<Finished> {
    const script = [
      'set -e',
      'mount --make-rprivate /',
      'mount --bind "$1" "$1"',
      'mount -t proc proc "$1/proc"',
      'mount --bind /dev "$1/dev"',
      'mount -t tmpfs -o uid=65532,gid=65532,mode=0711 tmpfs "$1/run/walletcreds"',
      'mount -o remount,bind,ro "$1"',
      '/usr/sbin/ip link set lo up',
      'root=$1; shift',
      // What chroot itself needs goes with the uid that it leaves.
      'set -- /usr/sbin/chroot --userspec=65532:65532 "$root" "$@"',
      'exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid "$@"',
    ].join('\n');
    const namespaces = ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child'];
    return run(
      '/usr/bin/env',
      ['-', ...config().Env, '/usr/bin/unshare', ...namespaces, '/bin/sh', '-c', script, 'sh', files, ...command],
      {
        env: {},
      },
    );
  }

  test('runs as an unprivileged user, by exec forms alone', () => {
    const { User, Entrypoint, Cmd, Healthcheck, Labels } = config();
    expect(User).toBe('65532:65532');
    expect([...Entrypoint, ...Cmd]).toEqual(['node', '/app/dist/bin.js', 'serve']);
    expect(Healthcheck.Test).toEqual(['CMD', 'node', '/app/dist/bin.js', 'healthcheck']);
    expect(Labels).toMatchObject({
      'org.opencontainers.image.title': 'walletcreds',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': (
        JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
      ).version,
    });
  });

  test('holds the bundle and libsql, nothing to build with, and nothing that its user can write', () => {
    expect(readdirSync(join(files, 'app')).sort()).toEqual(['LICENSE', 'dist', 'docs', 'node_modules', 'package.json']);
    const packages = readdirSync(join(files, 'app/node_modules'), { recursive: true, encoding: 'utf8' });
    const names = packages
      .filter(file => file.endsWith('/package.json'))
      .map(file => file.replace('/package.json', ''));
    expect(names.sort()).toEqual(
      ['@libsql/linux-x64-gnu', '@neon-rs/load', 'libsql', 'libsql/node_modules/detect-libc'].map(platform),
    );
    expect(existsSync(join(files, 'app/node_modules/@libsql', platform('linux-x64-gnu'), 'index.node'))).toBe(true);
    const all = readdirSync(join(files, 'app'), { recursive: true, withFileTypes: true });
    const stats = all.map(entry => [entry.name, statSync(join(entry.parentPath, entry.name))] as const);
    expect(stats.filter(([, { mode, uid }]) => uid !== 0 || (mode & 0o022) !== 0).map(([name]) => name)).toEqual([]);
    expect(stats.filter(([, { mtimeMs }]) => mtimeMs !== Number(MOMENT) * 1000).map(([name]) => name)).toEqual([]);
    const bytes = stats.reduce((sum, [, { size }]) => sum + size, 0);
    expect(bytes).toBeLessThan(25 * 1024 * 1024);
  });

  test('serves read-only and unprivileged: dev comes up, its health check passes, the state is in the tmpfs alone', async () => {
    const version = await inside('node', '/app/dist/bin.js', '--version');
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const script = `
      const { spawn, spawnSync } = require('node:child_process');
      const fs = require('node:fs');
      const [, ...verb] = ${JSON.stringify(config().Entrypoint)};
      const child = spawn('node', [...verb, 'dev', '--state-dir', '/run/walletcreds'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', chunk => {
        said += chunk;
        if (!said.includes('# Ready') || !said.includes('Ctrl-C')) return;
        const health = spawnSync('node', [...verb, 'healthcheck'], { encoding: 'utf8' });
        const writable = ['/app/x', '/x', '/app/dist/x', '/tmp/x'].filter(path => {
          try { fs.writeFileSync(path, ''); return true; } catch { return false; }
        });
        console.log(JSON.stringify({ uid: process.getuid(), health: health.status, said: health.stdout, writable, state: fs.readdirSync('/run/walletcreds').sort() }));
        child.kill('SIGTERM');
      });
      child.on('exit', code => { process.exitCode = code ?? 1; });`;
    const { code, stdout, stderr } = await inside('node', '-e', script);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ uid: 65532, health: 0, said: 'ready\n', writable: [] });
    expect((JSON.parse(stdout) as { state: string[] }).state).toEqual(
      expect.arrayContaining(['audit.sqlite', 'keys', 'tokens']),
    );
  });

  test('needs no shell: there is none', () => {
    expect(['bin/sh', 'usr/bin/sh', 'usr/local/bin/npm'].filter(file => existsSync(join(files, file)))).toEqual([]);
  });

  test('serve without a configuration says in one line what to mount', async () => {
    const { code, stdout, stderr } = await inside('node', '/app/dist/bin.js', 'serve');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('/etc/walletcreds/walletcreds.yaml');
  });

  test('is the same twice: the same layers from the same sources', { timeout: 300_000 }, () => {
    const layers = (name: string) =>
      (
        JSON.parse(built.buildah('inspect', '--type', 'image', `localhost/${name}`)) as {
          OCIv1: { rootfs: { diff_ids: string[] } };
        }
      ).OCIv1.rootfs.diff_ids;
    built.build('second', '--no-cache', '--build-arg', `SOURCE_DATE_EPOCH=${MOMENT}`, '--timestamp', MOMENT);
    expect(layers('second')).toEqual(layers('first'));
  });

  test('for arm64 takes the native part of arm64', { timeout: 300_000 }, () => {
    built.build('arm', '--layers', '--build-arg', 'TARGETARCH=arm64');
    const folder = built.unpack('arm');
    expect(readdirSync(join(folder, 'app/node_modules/@libsql'))).toEqual(['linux-arm64-gnu']);
  });
});

const platform = (name: string) => name.replace('linux-x64', `linux-${process.arch}`);

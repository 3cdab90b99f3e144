/**
 * A real Docker engine and Compose 2, without any registry: the engine is this test's own, with its data in a temporary
 * folder, and the image is this machine's node with its libraries and the built program.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debian } from '../support/clients.ts';
import { type Finished, root, run } from '../support/process.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const programs = fileURLToPath(new URL('programs', import.meta.url));

/** Why no engine can be started here. */
export function noEngine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a Docker engine needs Linux and root';
  return debian('docker.io');
}

export interface Engine {
  /** `docker` with these arguments. */
  docker(...args: string[]): Promise<Finished>;
  /** Compose 2 on a file, in a project of its own. */
  compose(file: string, ...args: string[]): Promise<Finished>;
  close(): Promise<void>;
}

/** @throws why the engine, Compose or the image can't be had */
export async function startEngine(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'wce-'));
  const socket = join(folder, 'd.sock');
  const env = { PATH, HOME: folder, DOCKER_HOST: `unix://${socket}` };
  const flags = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '--pidfile',
    join(folder, 'd.pid'),
  ];
  const engine = spawn(
    '/usr/sbin/dockerd',
    [...flags, '--host', env.DOCKER_HOST, '--iptables=false', '--ip6tables=false'],
    {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const close = async () => {
    await ended(engine);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(engine);
    const kept = join(tmpdir(), 'walletcreds-compose2');
    mkdirSync(kept, { recursive: true });
    const found = await run('/bin/sh', [join(programs, 'compose2.sh'), kept], { env, timeout: 120_000 });
    if (found.code !== 0) throw new Error(`no Compose 2: ${found.stderr}`);
    const image = imageRoot(join(folder, 'image'));
    const changes = ['ENTRYPOINT ["node","/app/dist/bin.js"]', 'CMD ["serve"]', 'ENV PATH=/usr/bin', 'WORKDIR /app'];
    const importing = `tar -C ${image} -c . | docker import ${changes.map(change => `--change '${change}'`).join(' ')} - walletcreds`;
    execFileSync('/bin/sh', ['-c', importing], { env, stdio: 'pipe' });
    return {
      docker: (...args) => run('/usr/bin/docker', args, { env, timeout: 120_000 }),
      compose: (file, ...args) =>
        run(found.stdout.trim(), ['--project-name', 'lab', '--file', file, ...args], { env, timeout: 120_000 }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** node, the libraries that it and libsql need, and the program. */
function imageRoot(path: string): string {
  for (const name of ['app/node_modules', 'usr/bin', 'tmp', 'etc', 'lib64'])
    mkdirSync(join(path, name), { recursive: true });
  const node = realpathSync(process.execPath);
  const native = join(root, `node_modules/@libsql/linux-${process.arch}-gnu`);
  const linked = execFileSync('/usr/bin/ldd', [node, join(native, 'index.node')], { encoding: 'utf8' });
  for (const [, library = ''] of linked.matchAll(/(\/\S+\.so\S*) \(/g)) {
    if (existsSync(join(path, library))) continue;
    mkdirSync(join(path, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(path, library));
  }
  cpSync(node, join(path, 'usr/bin/node'));
  for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(path, 'app', name), { recursive: true });
  for (const name of ['libsql', 'detect-libc', '@neon-rs', '@libsql'])
    cpSync(join(root, 'node_modules', name), join(path, 'app/node_modules', name), { recursive: true });
  return path;
}

/** Resolves once the engine serves its socket. */
function listening(engine: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    engine.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (said.includes('API listen on')) resolve();
    });
    engine.once('exit', code => reject(new Error(`dockerd ended with ${code}:\n${said.slice(-2_000)}`)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise(resolve => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

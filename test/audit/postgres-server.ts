/**
 * Real PostgreSQL for tests: Debian's server where it is installed, and PGlite (the same server in one process) anywhere.
 *
 * @module
 */
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

export interface PostgresServer {
  url(user?: string): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** One connection at a time, in this process. */
export async function pglite(): Promise<PostgresServer> {
  const db = await PGlite.create();
  const port = await freePort();
  let server: PGLiteSocketServer | undefined;
  const start = async () => {
    server = new PGLiteSocketServer({ db, maxConnections: 10, host: '127.0.0.1', port });
    await server.start();
  };
  const stop = async () => {
    await server?.stop();
    server = undefined;
  };
  await start();
  return {
    url: (user = 'postgres') => `postgres://${user}:geheim@127.0.0.1:${port}/postgres`,
    start,
    stop,
    async remove() {
      await stop();
      await db.close();
    },
  };
}

/** @returns the reason, where there is no server to start */
export async function debianPostgres(): Promise<PostgresServer | string> {
  const root = '/usr/lib/postgresql';
  const version = existsSync(root) ? readdirSync(root).sort().at(-1) : undefined;
  if (version === undefined) return 'no PostgreSQL server in /usr/lib/postgresql (apt-get install postgresql)';
  const bin = join(root, version, 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-pg-'));
  // The server refuses to run as root.
  const ids: { uid?: number; gid?: number } = {};
  if (process.getuid?.() === 0) {
    ids.uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    ids.gid = Number(execFileSync('id', ['-g', 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, ids.uid, ids.gid);
  }
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'], {
    ...ids,
    stdio: 'pipe',
    cwd: folder,
  });
  const port = await freePort();
  let server: ReturnType<typeof spawn> | undefined;
  const start = async () => {
    const args = ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder];
    const started = spawn(join(bin, 'postgres'), args, { ...ids, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    server = started;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      started.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('ready to accept connections')) resolve();
      });
      started.once('exit', () => reject(new Error(said)));
    });
  };
  const stop = async () => {
    const stopping = server;
    server = undefined;
    if (stopping === undefined) return;
    const gone = new Promise(resolve => stopping.once('exit', resolve));
    // "Immediate": as if the machine had lost power.
    stopping.kill('SIGQUIT');
    await gone;
  };
  await start();
  return {
    url: (user = 'postgres') => `postgres://${user}:geheim@127.0.0.1:${port}/postgres`,
    start,
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

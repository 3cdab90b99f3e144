import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { debianPostgres } from '../audit/postgres-server.ts';
import { aSmallDisk, open } from '../audit/support.ts';
import { reckon } from './after.ts';
import { random, rounds } from './budget.ts';
import { pause, recovery, startLoad } from './load.ts';
import { type World, world } from './world.ts';

const chance = random('database');

/** Between `serve` and its database: passes bytes on, keeps them, or cuts every connection. */
async function startProxy(port: number) {
  const sockets = new Set<Socket>();
  const proxy = {
    port: 0,
    /** Bytes stay where they are; connections open and hear nothing. */
    silent(silent: boolean) {
      for (const socket of sockets) silent ? socket.pause() : socket.resume();
      proxy.isSilent = silent;
    },
    isSilent: false,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
  const server = createServer(near => {
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('data', chunk => void other.write(chunk)).on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      if (proxy.isSilent) socket.pause();
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  proxy.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}

test('PostgreSQL that is stopped, silent, locked, cut off: nothing leaves unrecorded, and all is back by itself', async () => {
  const server = await debianPostgres();
  if (typeof server === 'string') return console.warn(`SKIPPED: ${server}`);
  onTestFinished(() => server.remove());
  const proxy = await startProxy(Number(new URL(server.url()).port));
  const at = await world(8);
  const url = `postgres://postgres:geheim@127.0.0.1:${proxy.port}/postgres`;
  at.write('walletcreds.yaml', at.yaml({ more: [`audit: { database: "${url}" }`] }));
  const serving = await at.serve();
  const names = [...at.workloads.keys()];
  const faults: Record<string, () => Promise<() => unknown>> = {
    async stopped() {
      await server.stop();
      return () => server.start();
    },
    async silent() {
      proxy.silent(true);
      return () => proxy.silent(false);
    },
    async 'cut off'() {
      proxy.cut();
      return () => undefined;
    },
    async locked() {
      const client = new pg.Client(server.url());
      await client.connect();
      await client.query('BEGIN; LOCK TABLE mint_log IN ACCESS EXCLUSIVE MODE');
      return () => client.end();
    },
    async 'failed over'() {
      await server.stop();
      proxy.cut();
      await server.start();
      return () => undefined;
    },
  };
  for (const [name, begin] of Object.entries(faults)) {
    const load = startLoad(at, { names });
    const back = [await recovery(at, names, load.seen)];
    const round = rounds(0.02, 20);
    while (round.more()) {
      const end = await begin();
      await pause(200 + chance.below(1_500));
      await end();
      back.push(await recovery(at, names, load.seen));
    }
    await load.stop();
    expect(serving.child.exitCode).toBeNull();
    await reckon(at, load.seen, { scenario: `PostgreSQL ${name}`, rounds: `${round.done}`, recovery: back });
  }
});

/** A log in SQLite, in a folder of its own. */
const audited = (at: World, folder: string) => {
  at.write('walletcreds.yaml', at.yaml({ more: [`audit: { database: "file:${join(folder, 'audit.sqlite')}" }`] }));
};

test('a full disk withholds credentials, and room on it brings them back', async () => {
  const disk = aSmallDisk(4);
  if ('reason' in disk) return console.warn(`SKIPPED: ${disk.reason}`);
  const at = await world(8);
  audited(at, disk.folder);
  const serving = await at.serve();
  const names = [...at.workloads.keys()];
  const load = startLoad(at, { names });
  const back = [await recovery(at, names, load.seen)];
  const filler = join(disk.folder, 'filler');
  const round = rounds(0.04, 30);
  while (round.more()) {
    try {
      writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
    } catch {
      // Full, as it shall be.
    }
    await pause(300 + chance.below(1_200));
    rmSync(filler);
    back.push(await recovery(at, names, load.seen));
  }
  await load.stop();
  expect(serving.child.exitCode).toBeNull();
  expect(load.seen.statuses.get(503) ?? 0).toBeGreaterThan(0);
  await reckon(at, load.seen, {
    scenario: 'The audit log’s disk fills',
    rounds: `${round.done} times`,
    recovery: back,
  });
});

test('a SQLite file that another program locks withholds credentials until it is free', async () => {
  const at = await world(8);
  audited(at, at.folder);
  await at.serve();
  const names = [...at.workloads.keys()];
  const load = startLoad(at, { names });
  const back = [await recovery(at, names, load.seen)];
  const round = rounds(0.02, 20);
  while (round.more()) {
    const db = open(join(at.folder, 'audit.sqlite'));
    db.exec('BEGIN IMMEDIATE');
    await pause(300 + chance.below(1_500));
    db.close();
    back.push(await recovery(at, names, load.seen));
  }
  await load.stop();
  await reckon(at, load.seen, { scenario: 'SQLite locked by another', rounds: `${round.done} locks`, recovery: back });
});

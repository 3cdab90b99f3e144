/** A PostgreSQL that is far away, falls silent, or is locked: everything that is waited for has a deadline. */
import { connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { debianPostgres, type PostgresServer, pglite } from './postgres-server.ts';
import { aVend, back, openLog } from './support.ts';

const debian = await debianPostgres();
let server: PostgresServer;
beforeAll(async () => {
  server = typeof debian === 'string' ? await pglite() : debian;
});
afterAll(() => server.remove());

/** A proxy to the server that counts round trips, and passes nothing on while it is silent. */
async function aProxy({ silentAfterLogin = false } = {}) {
  const way = { silent: false, connections: 0, roundTrips: 0 };
  const target = new URL(server.url());
  const sockets = new Set<Socket>();
  const proxy = createServer(client => {
    const first = way.connections++ === 0;
    const upstream = connect(Number(target.port), target.hostname);
    let answers = 0;
    let asked = false;
    const pass = (from: Socket, to: Socket, isAnswer: boolean) => {
      sockets.add(from);
      from.on('data', chunk => {
        if (isAnswer && asked) way.roundTrips++;
        asked = !isAnswer;
        if (isAnswer && ++answers > 1 && first && silentAfterLogin) way.silent = true;
        if (!way.silent) to.write(chunk);
      });
      from.on('close', () => to.destroy());
      from.on('error', () => to.destroy());
    };
    pass(client, upstream, false);
    pass(upstream, client, true);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return { way, url: url.href };
}

const aLogAt = (url: string) => openLog({ kind: 'postgres', url });

test('a commit is one round trip, so a server 200 ms away answers within the half second', async () => {
  const { way, url } = await aProxy();
  const { auditLog } = await aLogAt(url);
  expect(auditLog.reason).toBeUndefined();
  const before = way.roundTrips;
  for (let n = 0; n < 5; n++) await auditLog.append(aVend());
  await Promise.all(Array.from({ length: 100 }, () => auditLog.append(aVend())));
  expect(way.roundTrips - before).toBe(6);
});

test("a server that is silent after login doesn't keep the process from starting, and is asked again", async () => {
  await (await aLogAt(server.url())).auditLog.close();
  const { way, url } = await aProxy({ silentAfterLogin: true });
  const log = await aLogAt(url);
  expect(log.auditLog.available).toBe(false);
  way.silent = false;
  await back(log);
  expect(way.connections).toBeGreaterThan(1);
});

test('a server that falls silent later is given up, and asked again', async () => {
  const { way, url } = await aProxy();
  const log = await aLogAt(url);
  const { auditLog, clock } = log;
  await auditLog.append(aVend());
  way.silent = true;
  const refused = expect(auditLog.append(aVend())).rejects.toThrow(/500 ms/);
  await clock.advance(500);
  await refused;
  way.silent = false;
  await back(log);
  await auditLog.append(aVend());
});

test.skipIf(typeof debian === 'string')(
  "a lock on the schema table doesn't keep the process from starting",
  async () => {
    await (await aLogAt(server.url())).auditLog.close();
    const other = new pg.Client(server.url());
    await other.connect();
    await other.query('BEGIN; LOCK TABLE mint_log_schema IN ACCESS EXCLUSIVE MODE');
    const log = await aLogAt(server.url());
    expect(log.auditLog.reason).toMatch(/lock timeout/);
    await other.query('COMMIT');
    await other.end();
    await back(log);
  },
);

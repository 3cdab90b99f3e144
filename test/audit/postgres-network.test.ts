/** A PostgreSQL that is far away, falls silent, or is locked: everything that is waited for has a deadline. */
import { connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createAuditLog } from '../../src/audit/create-log.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { debianPostgres, type PostgresServer, pglite } from './postgres-server.ts';
import { aLog, aVend, back } from './support.ts';

const debian = await debianPostgres();
let server: PostgresServer;
beforeAll(async () => {
  server = typeof debian === 'string' ? await pglite() : debian;
});
afterAll(() => server.remove());

/** A way to the server that takes its time in each direction, and passes nothing on while it is silent. */
async function aProxy({ delay = 0, silentAfterLogin = false } = {}) {
  const way = { silent: false, connections: 0 };
  const target = new URL(server.url());
  const sockets = new Set<Socket>();
  const proxy = createServer(client => {
    const first = way.connections++ === 0;
    const upstream = connect(Number(target.port), target.hostname);
    let answers = 0;
    const pass = (from: Socket, to: Socket, answer: boolean) => {
      sockets.add(from);
      from.on('data', chunk => {
        if (answer && ++answers > 1 && first && silentAfterLogin) way.silent = true;
        if (!way.silent) setTimeout(() => to.write(chunk), delay);
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

async function aLogAt(url: string) {
  const { log, lines } = aLog();
  const auditLog = await createAuditLog({ kind: 'postgres', url }, { clock: systemClock, log });
  onTestFinished(() => auditLog.close());
  return { auditLog, lines };
}

test('a server 200 ms away takes every record: a commit is one round trip', async () => {
  const { url } = await aProxy({ delay: 100 });
  const { auditLog } = await aLogAt(url);
  expect(auditLog.reason).toBeUndefined();
  for (let n = 0; n < 5; n++) await auditLog.append(aVend());
  await Promise.all(Array.from({ length: 100 }, () => auditLog.append(aVend())));
});

test('a server that is silent after login keeps nobody from starting, and is asked again', async () => {
  await (await aLogAt(server.url())).auditLog.close();
  const { way, url } = await aProxy({ silentAfterLogin: true });
  const { auditLog } = await aLogAt(url);
  expect(auditLog.available).toBe(false);
  way.silent = false;
  await back(auditLog);
  expect(way.connections).toBeGreaterThan(1);
});

test('a server that falls silent later is given up, and asked again', async () => {
  const { way, url } = await aProxy();
  const { auditLog } = await aLogAt(url);
  await auditLog.append(aVend());
  way.silent = true;
  await expect(auditLog.append(aVend())).rejects.toThrow(/500 ms/);
  way.silent = false;
  await back(auditLog);
  await auditLog.append(aVend());
});

test.skipIf(typeof debian === 'string')('a lock on the schema table keeps nobody from starting', async () => {
  await (await aLogAt(server.url())).auditLog.close();
  const other = new pg.Client(server.url());
  await other.connect();
  await other.query('BEGIN; LOCK TABLE mint_log_schema IN ACCESS EXCLUSIVE MODE');
  const { auditLog } = await aLogAt(server.url());
  expect(auditLog.reason).toMatch(/lock timeout/);
  await other.query('COMMIT');
  await other.end();
  await back(auditLog);
});

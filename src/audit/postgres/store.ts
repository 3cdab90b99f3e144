/**
 * The audit log in PostgreSQL, for several replicas: each has a chain of its own and waits for none.
 *
 * A batch is one statement and one commit. After a connection that broke it is unknown whether the last one was committed,
 * so the next connection is a new writer.
 *
 * @module
 */
import { emptyHead, type Head, newWriter } from '../chain.ts';
import { normalised } from '../columns.ts';
import type { Store, StoreEvents } from '../store.ts';
import { append } from './append.ts';
import { type Client, connect, placeOf, postgresError } from './client.ts';
import { migrate, triggerFindings, versionOf } from './schema.ts';

/** How long the server may take for one statement; ms. After it the connection counts as dead. */
const DEADLINE_MS = 3_000;
/** The same for one statement of a migration. */
const MIGRATION_MS = 60_000;
/** How long the server has to say goodbye, ms. */
const CLOSE_MS = 1_000;

/** @param url a connection URL as libpq takes it, `sslmode` included */
export function postgresStore(url: string): Store {
  let client: Client | undefined;
  let head: Head | undefined;
  let onLoss: () => void = () => {};
  let warn: StoreEvents['warning'] = () => {};

  async function connected(): Promise<Client> {
    if (client !== undefined) return client;
    const fresh = await connect(url, { deadline: DEADLINE_MS, onEnd: drop });
    try {
      // A commit means disk whatever the server's default. A lock is reported, not waited for.
      await fresh.query(
        `SET synchronous_commit = on; SET lock_timeout = '400ms'; SET statement_timeout = '${DEADLINE_MS - 1_000}ms'`,
      );
      if ((await versionOf(fresh)) === 0) await migrateApart();
      for (const { message, fix } of await triggerFindings(fresh))
        warn('AuditTriggers', `audit database ${placeOf(url)}: ${message}. ${fix}`);
    } catch (error) {
      drop(fresh);
      throw error;
    }
    // The idle connection alone shall not keep the process alive.
    fresh.unref();
    client = fresh;
    head = undefined;
    return fresh;
  }

  /** On a connection of its own, since a large table takes longer than a write may. */
  async function migrateApart(): Promise<void> {
    const client = await connect(url, { deadline: MIGRATION_MS });
    try {
      await client.query("SET lock_timeout = '5s'");
      await migrate(client, Math.floor(Date.now() / 1000));
    } finally {
      client.end().catch(() => {});
    }
  }

  function drop(ended: Client): void {
    if (client === ended) {
      client = undefined;
      head = undefined;
      onLoss();
    }
    ended.end().catch(() => {});
  }

  return {
    async open(events) {
      onLoss = () => events?.disconnected();
      warn = (code, message) => events?.warning(code, message);
      try {
        await connected();
      } catch (error) {
        throw postgresError(error, url);
      }
    },
    async write(records) {
      let used: Client | undefined;
      try {
        used = await connected();
        used.ref();
        const next = await append(used, head ?? emptyHead(newWriter()), records.map(normalised));
        // A connection that ended meanwhile has taken its writer along.
        if (client === used) head = next;
        return { head: next, freeBytes: undefined };
      } catch (error) {
        const failure = postgresError(error, url);
        // An error with a five-character SQLSTATE came from a server that goes on; anything else ends the connection.
        const alive = /^(?!08|57)[0-9A-Z]{5}$/.test(failure.code) && failure.code !== 'EPIPE';
        if (used !== undefined && !alive) drop(used);
        throw failure;
      } finally {
        used?.unref();
      }
    },
    async close() {
      const ending = client;
      client = undefined;
      onLoss = () => {};
      if (ending === undefined) return;
      // An idle connection doesn't keep the process alive, which would otherwise end in the middle of this.
      ending.ref();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([ending.end().catch(() => {}), late]);
      clearTimeout(timer);
      ending.unref();
    },
  };
}

import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hashOf } from '../../src/audit/chain.ts';
import type { StoredRecord } from '../../src/audit/columns.ts';
import { openToRead } from '../../src/audit/database.ts';
import { prune } from '../../src/audit/prune.ts';
import { headsOf } from '../../src/audit/reader.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { debianPostgres, type PostgresServer, pglite } from './postgres-server.ts';
import { aRecord, aRejection, aVend, back, openLog } from './support.ts';

/** Runs SQL as somebody else would, on a connection of its own. */
async function sql<T extends pg.QueryResultRow>(server: PostgresServer, text: string): Promise<T[]> {
  const client = new pg.Client(server.url());
  await client.connect();
  try {
    const result = await client.query<T>(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

async function aPostgresAuditLog(server: PostgresServer, user?: string) {
  const config = { kind: 'postgres', url: server.url(user) } as const;
  return { ...(await openLog(config)), config };
}

async function report(server: PostgresServer, heads?: Parameters<typeof verifyAuditLog>[1]) {
  const db = await openToRead({ kind: 'postgres', url: server.url() });
  try {
    return await verifyAuditLog(db, heads);
  } finally {
    await db.close();
  }
}

const FRESH = 'DROP TABLE IF EXISTS mint_log, mint_log_schema; DROP FUNCTION IF EXISTS mint_log_refuse';

describe('PGlite', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await pglite();
  });
  afterAll(() => server.remove());
  beforeEach(() => sql(server, FRESH));

  test('a record is committed when append resolves, with its place in the chain', async () => {
    const { auditLog } = await aPostgresAuditLog(server);
    await auditLog.append(aVend());
    await Promise.all([auditLog.append(aVend()), auditLog.append(aVend())]);
    await auditLog.close();
    const records = await sql<Record<string, unknown>>(server, 'SELECT * FROM mint_log ORDER BY id');
    expect(records.map(record => record['seq'])).toEqual(['1', '2', '3']);
    expect(records[0]).toMatchObject({
      requester_wallet: aRecord().requester_wallet,
      via: 'endpoint',
      minted_at: '1767225600',
    });
    expect(await report(server)).toMatchObject({ intact: true, records: 3, writers: 1 });
  });

  test.each([
    ['UPDATE', "UPDATE mint_log SET outcome = 'x'"],
    ['DELETE', 'DELETE FROM mint_log'],
    ['TRUNCATE', 'TRUNCATE mint_log'],
    ['an upsert', "INSERT INTO mint_log SELECT * FROM mint_log ON CONFLICT (id) DO UPDATE SET outcome = 'x'"],
  ])('%s is refused, and the record stays', async (_, statement) => {
    const { auditLog } = await aPostgresAuditLog(server);
    await auditLog.append(aVend());
    await auditLog.close();
    await expect(sql(server, statement)).rejects.toThrow(/append-only/);
    expect(await report(server)).toMatchObject({ intact: true, records: 1 });
  });

  test('a trigger that is off or gone, and a rule, are found by verify and told when the log is opened', async () => {
    await (await aPostgresAuditLog(server)).auditLog.close();
    await sql(
      server,
      `ALTER TABLE mint_log DISABLE TRIGGER mint_log_append_only; DROP TRIGGER mint_log_no_truncate ON mint_log;
       CREATE RULE quiet AS ON UPDATE TO mint_log DO INSTEAD NOTHING`,
    );
    const codes = (await report(server)).findings.map(({ code }) => code).sort();
    expect(codes).toEqual(['audit-trigger-added', 'audit-trigger-changed', 'audit-trigger-missing']);
    const { lines } = await aPostgresAuditLog(server);
    expect(lines.filter(line => line['code'] === 'AuditTriggers')).toHaveLength(3);
  });

  test('an edited record and a cut tail are found', async () => {
    const { auditLog, config } = await aPostgresAuditLog(server);
    for (let n = 0; n < 3; n++) await auditLog.append(aVend());
    await auditLog.close();
    const db = await openToRead(config);
    const heads = await headsOf(db);
    await db.close();
    const tamper = (text: string) =>
      sql(server, `ALTER TABLE mint_log DISABLE TRIGGER ALL; ${text}; ALTER TABLE mint_log ENABLE TRIGGER ALL`);
    await tamper('UPDATE mint_log SET count = 7 WHERE id = 2');
    expect((await report(server)).findings).toMatchObject([{ code: 'audit-edited', id: 2 }]);
    await tamper('UPDATE mint_log SET count = 1 WHERE id = 2; DELETE FROM mint_log WHERE id = 3');
    expect(await report(server)).toMatchObject({ intact: true });
    expect((await report(server, heads)).findings).toMatchObject([{ code: 'audit-cut' }]);
  });

  test('a table with the old broker’s columns and records is migrated in place and sealed', async () => {
    await sql(
      server,
      `CREATE TABLE mint_log (id BIGSERIAL PRIMARY KEY, minted_at BIGINT NOT NULL, requester_token_hash TEXT NOT NULL,
        requester_wallet TEXT NOT NULL, requested_role TEXT NOT NULL, session_duration_seconds BIGINT NOT NULL,
        sts_session_name TEXT NOT NULL, outcome TEXT NOT NULL, outcome_detail TEXT);
       INSERT INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome)
        SELECT n, 'h', 'w', 'arn', 3600, 's', 'ok' FROM generate_series(1, 1500) AS n`,
    );
    const { auditLog } = await aPostgresAuditLog(server);
    await auditLog.append(aVend());
    await auditLog.close();
    expect(await report(server)).toMatchObject({ intact: true, sealedRecords: 1500, records: 1502 });
    const records = await sql(
      server,
      "SELECT count(*)::int AS n FROM mint_log WHERE writer = 'sealed' AND outcome = 'ok' AND minted_at = seq",
    );
    expect(records).toEqual([{ n: 1500 }]);
  });

  test('prune takes the leading records, and the rest can be verified', async () => {
    const { auditLog, config } = await aPostgresAuditLog(server);
    for (let n = 1; n <= 4; n++) await auditLog.append(aVend({ at: n * 1000 }));
    await auditLog.close();
    expect(await prune(config, 3, 10)).toMatchObject([{ first_seq: 1, last_seq: 2 }]);
    expect(await report(server)).toMatchObject({ intact: true, records: 3, pruned: [{ last_seq: 2 }] });
    await expect(sql(server, 'DELETE FROM mint_log')).rejects.toThrow(/append-only/);
  });

  test('a server that is gone: refused, and back when the server is', async () => {
    const log = await aPostgresAuditLog(server);
    const { auditLog, lines } = log;
    await auditLog.append(aVend());
    await server.stop();
    await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
    expect(auditLog.available).toBe(false);
    auditLog.recordFailure(aRejection());
    await server.start();
    await back(log);
    await auditLog.append(aVend());
    await auditLog.close();
    expect(await report(server)).toMatchObject({ intact: true, writers: 2 });
    expect(JSON.stringify(lines)).not.toContain('geheim');
  });

  test("a server that is gone at start doesn't keep the process from starting", async () => {
    await server.stop();
    const log = await aPostgresAuditLog(server);
    const { auditLog } = log;
    expect(auditLog.available).toBe(false);
    expect(auditLog.reason).toMatch(/127\.0\.0\.1:\d+\/postgres.*ECONNREFUSED/);
    expect(auditLog.reason).not.toContain('geheim');
    await server.start();
    await back(log);
    await auditLog.append(aVend());
  });
});

describe('Debian’s server', () => {
  let server: PostgresServer;
  let reason: string | undefined;
  beforeAll(async () => {
    const made = await debianPostgres();
    if (typeof made === 'string') reason = made;
    else server = made;
  });
  afterAll(() => server?.remove());
  beforeEach(async context => {
    if (reason !== undefined) context.skip(reason);
    await sql(server, FRESH);
  });

  test('replicas that start and write at once don’t get in one another’s way: each has a chain, none loses a record', async () => {
    const replicas = await Promise.all([1, 2, 3, 4].map(() => aPostgresAuditLog(server)));
    await Promise.all(replicas.flatMap(({ auditLog }) => Array.from({ length: 250 }, () => auditLog.append(aVend()))));
    for (const { auditLog } of replicas) await auditLog.close();
    expect(await report(server)).toMatchObject({ intact: true, writers: 4, records: 1000 });
  });

  test('a role with no more than INSERT and SELECT can serve, and can take nothing back', async () => {
    const { auditLog } = await aPostgresAuditLog(server);
    await auditLog.close();
    await sql(
      server,
      `DROP ROLE IF EXISTS vendor; CREATE ROLE vendor LOGIN;
       GRANT SELECT, INSERT ON mint_log TO vendor;
       GRANT USAGE ON SEQUENCE mint_log_id_seq TO vendor;
       GRANT SELECT ON mint_log_schema TO vendor`,
    );
    const { auditLog: serving, config } = await aPostgresAuditLog(server, 'vendor');
    await serving.append(aVend({ at: 1000 }));
    const client = new pg.Client(config.url);
    await client.connect();
    for (const statement of [
      'DELETE FROM mint_log',
      'TRUNCATE mint_log',
      'UPDATE mint_log SET id = 9',
      'DROP TABLE mint_log',
    ])
      await expect(client.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    await client.end();
    await expect(prune(config, 100, 100)).rejects.toThrow(/must be owner/);
    expect(await report(server)).toMatchObject({ intact: true, records: 1 });
    await sql(server, 'DROP OWNED BY vendor; DROP ROLE vendor');
  });

  test('a server that dies in the middle of writing: every acknowledged record is there when it is back', async () => {
    const log = await aPostgresAuditLog(server);
    const { auditLog } = log;
    const acknowledged: string[] = [];
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; ; n++) {
        const access_key_id = `${lane}-${n}`;
        await auditLog.append(aVend({ accessKeyId: access_key_id }));
        acknowledged.push(access_key_id);
        if (acknowledged.length === 200) void server.stop();
      }
    });
    for (const { status } of await Promise.allSettled(lanes)) expect(status).toBe('rejected');
    await server.start();
    await back(log);
    await auditLog.append(aVend());
    await auditLog.close();
    const records = await sql<{ access_key_id: string }>(server, 'SELECT access_key_id FROM mint_log');
    const there = new Set(records.map(record => record.access_key_id));
    expect(acknowledged.filter(key => !there.has(key))).toEqual([]);
    expect(await report(server)).toMatchObject({ intact: true });
  });

  test('a table that is locked: refused, and back when the lock is gone', async () => {
    const log = await aPostgresAuditLog(server);
    const { auditLog } = log;
    await auditLog.append(aVend());
    const other = new pg.Client(server.url());
    await other.connect();
    await other.query('BEGIN; LOCK TABLE mint_log IN ACCESS EXCLUSIVE MODE');
    await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
    await other.query('COMMIT');
    await other.end();
    await back(log);
    await auditLog.append(aVend());
  });

  test('a role without access is an error at start, not an audit log that never comes', async () => {
    await expect(aPostgresAuditLog(server, 'nobody')).rejects.toThrow(/role "nobody" does not exist/);
  });

  test('records read back give the hashes that were stored', async () => {
    const { auditLog, config } = await aPostgresAuditLog(server);
    await auditLog.append(aVend({ accessKeyId: 'é "x" \0 \ud800' }));
    const db = await openToRead(config);
    const [record] = await db.query<StoredRecord>('SELECT * FROM records');
    await db.close();
    expect(record && hashOf(record)).toBe(record?.hash);
    expect(record?.minted_at).toBe(aRecord().minted_at);
  });
});

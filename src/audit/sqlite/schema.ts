/**
 * `mint_log` in SQLite: its tables, triggers and migrations.
 *
 * A database may be empty, an old broker's with nine columns, or walletcreds'. The old broker's records stay unchanged. They
 * get a chain of their own under the writer `sealed`, and a record `sealed` holds the end of that chain.
 *
 * The schema's version is kept in a table, since `user_version` may be the old broker's.
 *
 * @module
 */
import type Database from 'libsql';
import { emptyHead, type Head, link, newWriter } from '../chain.ts';
import {
  ADDED_COLUMNS,
  type AuditRecord,
  COLUMNS,
  LEGACY_COLUMNS,
  logRecord,
  SEALED_WRITER,
  type StoredRecord,
} from '../columns.ts';
import type { Finding } from '../findings.ts';
import { SCHEMA_VERSION, sealDetail, UnusableDatabase } from '../schema.ts';
import { compareTriggers } from '../triggers.ts';

const TABLE = `CREATE TABLE IF NOT EXISTS mint_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  minted_at INTEGER NOT NULL,
  requester_token_hash TEXT NOT NULL,
  requester_wallet TEXT NOT NULL,
  requested_role TEXT NOT NULL,
  session_duration_seconds INTEGER NOT NULL,
  sts_session_name TEXT NOT NULL,
  outcome TEXT NOT NULL,
  outcome_detail TEXT
)`;

const INDEXES = [
  'CREATE INDEX IF NOT EXISTS idx_mint_log_minted_at ON mint_log(minted_at)',
  'CREATE INDEX IF NOT EXISTS idx_mint_log_requester_wallet ON mint_log(requester_wallet)',
];

/** Refuses DELETE; `prune` drops it and creates it again within one exclusive transaction. */
export const DELETE_TRIGGER = `CREATE TRIGGER mint_log_no_delete BEFORE DELETE ON mint_log
  BEGIN SELECT RAISE(ABORT, 'mint_log is append-only: DELETE is refused'); END`;

const TRIGGERS = [
  `CREATE TRIGGER mint_log_no_update BEFORE UPDATE ON mint_log
  BEGIN SELECT RAISE(ABORT, 'mint_log is append-only: UPDATE is refused'); END`,
  DELETE_TRIGGER,
  // INSERT OR REPLACE removes the row that is in its way without asking the DELETE trigger.
  `CREATE TRIGGER mint_log_no_replace BEFORE INSERT ON mint_log
  WHEN EXISTS (SELECT 1 FROM mint_log WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM mint_log WHERE writer = NEW.writer AND seq = NEW.seq)
  BEGIN SELECT RAISE(ABORT, 'mint_log is append-only: a record can not be replaced'); END`,
  `CREATE TRIGGER mint_log_no_backdating AFTER INSERT ON mint_log
  WHEN NEW.id < (SELECT max(id) FROM mint_log) OR NEW.id < 1
  BEGIN SELECT RAISE(ABORT, 'mint_log is append-only: an id below the last one is refused'); END`,
];

const INSERT = `INSERT INTO mint_log (${COLUMNS.slice(1).join(', ')}) VALUES (${COLUMNS.slice(1)
  .map(() => '?')
  .join(', ')})`;

const LAST_ID = `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mint_log'), 0),
  coalesce((SELECT max(id) FROM mint_log), 0)) AS id`;

/**
 * Brings a database to {@link SCHEMA_VERSION} in one transaction. Takes no lock where it has that version.
 *
 * @param at unix seconds, for the record of the sealing
 * @throws UnusableDatabase for a newer version, or a `mint_log` that isn't the old broker's
 */
export function migrate(db: Database.Database, at: number): void {
  if (versionOf(db) === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been faster.
    if (versionOf(db) === 0) create(db, at);
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function create(db: Database.Database, at: number): void {
  const found = columnsOf(db);
  if (found.length > 0) {
    const missing = LEGACY_COLUMNS.filter(column => !found.includes(column));
    if (missing.length > 0)
      throw new UnusableDatabase(
        `it has a table mint_log without ${missing.join(', ')}: not an audit log; name another file`,
      );
  }
  db.exec(TABLE);
  for (const statement of INDEXES) db.exec(statement);
  for (const [name, type] of ADDED_COLUMNS)
    if (!found.includes(name)) db.exec(`ALTER TABLE mint_log ADD COLUMN ${name} ${type.replace('BIGINT', 'INTEGER')}`);
  db.exec('CREATE UNIQUE INDEX mint_log_chain ON mint_log(writer, seq)');
  const sealed = seal(db);
  for (const trigger of TRIGGERS) db.exec(trigger);
  db.exec('CREATE TABLE mint_log_schema (version INTEGER NOT NULL)');
  db.exec(`INSERT INTO mint_log_schema VALUES (${SCHEMA_VERSION})`);
  if (sealed.seq > 0) append(db, emptyHead(newWriter()), [logRecord('sealed', sealDetail(sealed), at)]);
}

/** Chains the existing records, oldest first, under the writer `sealed`. */
function seal(db: Database.Database): Head {
  let head = emptyHead(SEALED_WRITER);
  let last = Number.MIN_SAFE_INTEGER;
  const page = db.prepare('SELECT * FROM mint_log WHERE id > ? ORDER BY id LIMIT 1000');
  const update = db.prepare('UPDATE mint_log SET writer = ?, seq = ?, prev_hash = ?, hash = ? WHERE id = ?');
  for (;;) {
    const rows = page.all(last) as StoredRecord[];
    if (rows.length === 0) return head;
    const linked = link(head, rows as AuditRecord[], index => rows[index]?.id ?? 0);
    for (const { writer, seq, prev_hash, hash, id } of linked) update.run(writer, seq, prev_hash, hash, id);
    const end = linked.at(-1) as StoredRecord;
    head = { writer: SEALED_WRITER, seq: end.seq ?? 0, hash: end.hash ?? '' };
    last = end.id;
  }
}

/**
 * Appends records behind a head. The caller holds a write transaction, so the ids that AUTOINCREMENT will give are known,
 * and the hash can cover them.
 */
export function append(db: Database.Database, head: Head, records: readonly AuditRecord[]): Head {
  const { lastId, insert } = statements(db);
  const [last] = lastId.all() as { id: number }[];
  const first = (last?.id ?? 0) + 1;
  let end = head;
  for (const record of link(head, records, index => first + index)) {
    const values = COLUMNS.slice(1).map(column => record[column]);
    const { lastInsertRowid } = insert.run(...values);
    if (Number(lastInsertRowid) !== record.id)
      throw new Error(`id ${record.id} was expected, ${lastInsertRowid} given`);
    end = { writer: head.writer, seq: record.seq ?? 0, hash: record.hash ?? '' };
  }
  return end;
}

const EXPECTED = new Map(TRIGGERS.map(sql => [/CREATE TRIGGER (\w+)/.exec(sql)?.[1] ?? '', sql]));

/** What is wrong with the triggers. */
export function triggerFindings(db: Database.Database): Finding[] {
  const rows = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'mint_log'").all();
  const found = new Map((rows as { name: string; sql: string }[]).map(({ name, sql }) => [name, sql]));
  return compareTriggers(EXPECTED, found, EXPECTED);
}

/** Whether the record that a head names is in the database. */
export function storedHead(db: Database.Database, { writer, seq, hash }: Head): boolean {
  return (
    db.prepare('SELECT 1 FROM mint_log WHERE writer = ? AND seq = ? AND hash = ?').all(writer, seq, hash).length > 0
  );
}

/** Does what {@link append} does before it writes. */
export function prepareToAppend(db: Database.Database, record: AuditRecord): void {
  statements(db).lastId.all();
  link(emptyHead(newWriter()), [record], () => 1);
}

const prepared = new WeakMap<Database.Database, { lastId: Database.Statement; insert: Database.Statement }>();

function statements(db: Database.Database) {
  let found = prepared.get(db);
  if (found === undefined) {
    found = { lastId: db.prepare(LAST_ID), insert: db.prepare(INSERT) };
    prepared.set(db, found);
  }
  return found;
}

/** 0 for a database that isn't ours yet. */
export function versionOf(db: Database.Database): number {
  const [table] = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'mint_log_schema'").all();
  if (table === undefined) return 0;
  const [row] = db.prepare('SELECT max(version) AS version FROM mint_log_schema').all() as { version: number | null }[];
  const version = row?.version ?? 0;
  if (version > SCHEMA_VERSION)
    throw new UnusableDatabase(
      `a newer walletcreds made it (version ${version}); this one reads version ${SCHEMA_VERSION}`,
    );
  return version;
}

/** The columns of `mint_log`; none where there is no such table. */
export function columnsOf(db: Database.Database): string[] {
  return (db.prepare("SELECT name FROM pragma_table_info('mint_log')").all() as { name: string }[]).map(
    row => row.name,
  );
}

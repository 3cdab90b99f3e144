/**
 * One SQLite file, written synchronously: what the worker thread does.
 *
 * WAL and `synchronous=FULL`: a commit returns after the write-ahead log has been synced. A file that was removed or
 * replaced takes writes as if nothing had happened, so the path is looked at after each commit, before anybody is told.
 *
 * @module
 */
import { accessSync, closeSync, constants, openSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { emptyHead, type Head, newWriter } from '../chain.ts';
import { type AuditRecord, logRecord, normalised } from '../columns.ts';
import { UnusableDatabase } from '../schema.ts';
import { StoreError, type Written } from '../store.ts';
import { append, migrate, prepareToAppend } from './schema.ts';

/** Below the 0.5 s that a waiter gets, so that a lock is reported as one. */
const BUSY_MS = 400;

export class SqliteFile {
  readonly #path: string;
  #db: Database.Database | undefined;
  #inode = 0;
  #walInode: number | undefined;
  #head: Head | undefined;
  #replaced: Head | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws StoreError */
  open(): void {
    try {
      this.#connect();
    } catch (error) {
      this.#disconnect();
      throw storeError(error, this.#path);
    }
  }

  /** Has ready what a first row needs, before somebody waits for it. Takes no lock and writes nothing. */
  prepare(): void {
    try {
      if (this.#db !== undefined) prepareToAppend(this.#db, normalised(logRecord('recovered', '', 0)));
    } catch {
      // The first row tells.
    }
  }

  /**
   * Appends the rows in one transaction.
   * @throws StoreError after a rollback; none of the rows is written
   */
  write(given: readonly AuditRecord[]): Written {
    try {
      const rows = given.map(normalised);
      const head = this.#commit(rows);
      if (this.#inPlace()) return { head, freeBytes: freeBytes(this.#path), ...this.#withLog() };
      // The commit went to a file that nobody will find again: once more, into the one that the path means now.
      this.#disconnect();
      this.#replaced = head;
      const again = this.#commit(rows);
      const warning = `${this.#path} was removed or replaced while it was in use; a new one is written, its first row names the last head of the old one`;
      return { head: again, freeBytes: freeBytes(this.#path), warning };
    } catch (error) {
      const failure = storeError(error, this.#path);
      // A full disk and a lock leave the connection good; after anything else it is made anew.
      if (failure.code !== 'SQLITE_FULL' && !failure.code.startsWith('SQLITE_BUSY')) this.#disconnect();
      throw failure;
    }
  }

  close(): void {
    this.#disconnect();
  }

  #commit(rows: readonly AuditRecord[]): Head {
    const db = this.#db ?? this.#connect();
    const start = this.#head ?? emptyHead(newWriter());
    const first = rows[0];
    db.exec('BEGIN IMMEDIATE');
    try {
      const gone = this.#replaced;
      const said =
        gone && logRecord('recovered', `file replaced; last head ${JSON.stringify(gone)}`, first?.minted_at ?? 0);
      const head = append(db, start, said ? [said, ...rows] : rows);
      db.exec('COMMIT');
      this.#head = head;
      this.#replaced = undefined;
      return head;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  #connect(): Database.Database {
    makePrivate(this.#path);
    const db = new Database(this.#path, { timeout: BUSY_MS });
    this.#db = db;
    const [mode] = db.prepare('PRAGMA journal_mode = WAL').all() as { journal_mode: string }[];
    if (mode?.journal_mode !== 'wal')
      throw new UnusableDatabase(`its file system can't do write-ahead logging (${mode?.journal_mode})`);
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA journal_size_limit = 67108864');
    migrate(db, Math.floor(Date.now() / 1000));
    this.#inode = statSync(this.#path).ino;
    this.#walInode = undefined;
    this.#head = undefined;
    return db;
  }

  #disconnect(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#head = undefined;
    try {
      db?.close();
    } catch {
      // It was of no use any more.
    }
  }

  #inPlace(): boolean {
    return inodeOf(this.#path) === this.#inode;
  }

  /** Commits go to the write-ahead log: if that was taken away, what it holds is merged while it is still open. */
  #withLog(): { warning?: string } {
    const inode = inodeOf(`${this.#path}-wal`);
    this.#walInode ??= inode;
    if (inode === this.#walInode) return {};
    const [merged] = (this.#db?.prepare('PRAGMA wal_checkpoint(FULL)').all() ?? []) as { busy: number }[];
    this.#disconnect();
    if (merged?.busy !== 0)
      throw new StoreError('WAL_LOST', `audit database ${this.#path}: its -wal file was removed`, true);
    return { warning: `${this.#path}-wal was removed while it was in use; its rows were merged into the database` };
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Makes the file where it isn't there yet, so that nobody else may read it; SQLite gives its log and index the same mode.
 * One that is there is left closed: to close a descriptor of it would drop the locks of every connection of this process.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    accessSync(path, constants.R_OK | constants.W_OK);
    if (statSync(path).isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
  }
}

function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** SQLite's failures that more tries can't mend. */
const LASTING =
  /^(UNUSABLE|SQLITE_NOTADB|SQLITE_CORRUPT.*|SQLITE_CANTOPEN.*|SQLITE_READONLY.*|SQLITE_AUTH|ENOENT|EACCES|EISDIR|ENOTDIR|EROFS)$/;

function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const given = (error as { code?: unknown }).code;
  // libsql's error on opening has SQLite's number in the text and no code.
  const code =
    typeof given === 'string' && given !== '' ? given : /: 14"/.test(message) ? 'SQLITE_CANTOPEN' : 'SQLITE_ERROR';
  const mend = code.startsWith('SQLITE_CANTOPEN') ? '; can the process write the folder and the file?' : '';
  return new StoreError(code, `audit database ${path}: ${message}${mend}`, !LASTING.test(code), { cause: error });
}

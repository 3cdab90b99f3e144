/**
 * One SQLite database, written synchronously by the worker thread.
 *
 * WAL and `synchronous=FULL`: a commit returns after the write-ahead log has been synced. libsql closes a connection for
 * good only when its thread ends, so a `SqliteFile` is opened once. Another one needs another thread.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import Database from 'libsql';
import { emptyHead, type Head, newWriter } from '../chain.ts';
import { type AuditRecord, logRecord, normalised } from '../columns.ts';
import { UnusableDatabase } from '../schema.ts';
import { StoreError, type Written } from '../store.ts';
import { sqliteError } from './errors.ts';
import { type Change, changeOf, createPrivate, type Files, filesAt, freeBytes } from './files.ts';
import { append, migrate, prepareToAppend, storedHead } from './schema.ts';

/** Below the 0.5 s that a waiter has, so that a lock is reported as one; ms. */
const BUSY_MS = 400;
/** Up to this size the structure of a database is checked when it is opened; bytes. */
const MAX_CHECKED = 32 * 1024 * 1024;

/** The files at the path aren't those that were written. */
export class FilesChanged extends Error {
  readonly change: Change;
  /** The end of the chain that was written. */
  readonly head: Head | undefined;
  /** Whether the rejected write was committed to the old files. */
  readonly committed: boolean;

  constructor(change: Change, head: Head | undefined, committed: boolean) {
    super(`${change.file} ${change.what}`);
    this.change = change;
    this.head = head;
    this.committed = committed;
  }
}

export class SqliteFile {
  readonly #path: string;
  readonly #db: Database.Database;
  #files: Files;
  #head: Head = emptyHead(newWriter());
  /** The last head of the files that this one replaced. */
  #replaced: Head | undefined;

  /** @throws StoreError */
  constructor(path: string) {
    this.#path = path;
    try {
      createPrivate(path);
      this.#db = new Database(path, { timeout: BUSY_MS });
      this.#configure();
      this.#files = filesAt(path);
    } catch (error) {
      throw sqliteError(error, path);
    }
  }

  /** The connection, for reads in the writer's thread. */
  get connection(): Database.Database {
    return this.#db;
  }

  /** Continues the chain of a head where the database holds it; otherwise the next record says that it was lost. */
  continueFrom(head: Head): boolean {
    const stored = storedHead(this.#db, head);
    if (stored) this.#head = head;
    else this.#replaced = head;
    return stored;
  }

  /** Does what a first write needs, before somebody waits for it. Takes no lock and writes nothing. */
  prepare(): void {
    try {
      prepareToAppend(this.#db, normalised(logRecord('recovered', '', 0)));
    } catch {
      // The first write reports it.
    }
  }

  /**
   * Appends the records in one transaction.
   * @throws StoreError after a rollback: none of the records is written
   * @throws FilesChanged when the connection is of no use any more
   */
  write(given: readonly AuditRecord[]): Written {
    try {
      this.#compareFiles(false);
      const records = given.map(normalised);
      const head = this.#commitWithSpace(records);
      this.#compareFiles(true);
      return { head, freeBytes: this.#keepSpace() };
    } catch (error) {
      throw error instanceof FilesChanged ? error : sqliteError(error, this.#path);
    }
  }

  /** The connection is closed for good once its thread has ended. */
  close(): void {
    try {
      this.#db.close();
    } catch {
      // It was of no use any more.
    }
  }

  #configure(): void {
    const db = this.#db;
    const [mode] = db.prepare('PRAGMA journal_mode = WAL').all() as { journal_mode: string }[];
    if (mode?.journal_mode !== 'wal')
      throw new UnusableDatabase(`its file system can't do write-ahead logging (${mode?.journal_mode})`);
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA journal_size_limit = 67108864');
    this.#checkStructure();
    migrate(db, Math.floor(Date.now() / 1000));
  }

  #checkStructure(): void {
    if ((filesAt(this.#path).database?.size ?? 0) > MAX_CHECKED) return;
    const [found] = this.#db.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
    if (found?.quick_check === 'ok') return;
    throw Object.assign(new Error(found?.quick_check.replaceAll('\n', ' ') ?? 'no answer'), { code: 'SQLITE_CORRUPT' });
  }

  #commitWithSpace(records: readonly AuditRecord[]): Head {
    try {
      return this.#commit(records);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_FULL') throw error;
      // A checkpoint empties the write-ahead log, which holds most pages many times over.
      this.#checkpoint();
      return this.#commit(records);
    }
  }

  #commit(records: readonly AuditRecord[]): Head {
    const db = this.#db;
    db.exec('BEGIN IMMEDIATE');
    try {
      const head = append(db, this.#head, [...this.#loss(records[0]?.minted_at ?? 0), ...records]);
      db.exec('COMMIT');
      this.#head = head;
      this.#replaced = undefined;
      return head;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  #loss(at: number): AuditRecord[] {
    if (this.#replaced === undefined) return [];
    return [logRecord('recovered', `file replaced; last head ${JSON.stringify(this.#replaced)}`, at)];
  }

  /** Empties the write-ahead log before the disk is full: to merge it into the database takes space as well. */
  #keepSpace(): number | undefined {
    const free = freeBytes(this.#path);
    if (free !== undefined && free < 2 * (this.#files.wal?.size ?? 0)) this.#checkpoint();
    return free;
  }

  /** @returns whether everything in the write-ahead log is in the database */
  #checkpoint(): boolean {
    try {
      const [done] = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all() as { busy: number }[];
      this.#files = filesAt(this.#path);
      return done?.busy === 0;
    } catch {
      return false;
    }
  }

  #compareFiles(committed: boolean): void {
    const now = filesAt(this.#path);
    const change = changeOf(this.#files, now);
    if (change === undefined) {
      this.#files = now;
      return;
    }
    this.#leave(change, now);
    throw new FilesChanged(change, this.#head.seq > 0 ? this.#head : this.#replaced, committed);
  }

  /** Saves what can be saved of files that are no longer, or not wholly, at the path. */
  #leave({ file, what }: Change, now: Files): void {
    const old = this.#files;
    // What was cut off must not be merged: SQLite recovers what is left when it opens the files again.
    const merged = what !== 'truncated' && this.#checkpoint();
    if (file === 'wal' && what !== 'truncated' && !merged) {
      this.#files = old;
      const message = `audit database ${this.#path}: its -wal file was ${what}, and its content can't be merged yet`;
      throw new StoreError('WAL_LOST', message, true);
    }
    if (file !== 'database' || what === 'truncated' || now.wal?.inode !== old.wal?.inode) return;
    // It belongs to the database that is gone: beside another one it would damage that.
    for (const end of ['-wal', '-shm']) rmSync(`${this.#path}${end}`, { force: true });
  }
}

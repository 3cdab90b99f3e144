/**
 * What a database does for the audit log: it makes a batch of records durable, all of them or none.
 *
 * @module
 */
import type { Head } from './chain.ts';
import type { AuditRecord } from './columns.ts';

/** Where the chain stands after a batch. */
export interface Written {
  /** The head after the batch. */
  readonly head: Head;
  /** Bytes that are free where the database lives; undefined where that can't be known. */
  readonly freeBytes: number | undefined;
}

/** What a store reports beside the answers to its calls. */
export interface StoreEvents {
  /** The connection broke while nothing was asked; the next write makes a new one. */
  disconnected(): void;
  /** What an operator must know although writes work. */
  warning(code: string, message: string): void;
}

export interface Store {
  /**
   * Connects, migrates.
   * @throws StoreError
   */
  open(events?: StoreEvents): Promise<void>;
  /**
   * Resolves once all records are durable. One call at a time. Opens again what an earlier failure has closed.
   * @throws StoreError when none of them is known to be
   */
  write(records: readonly AuditRecord[]): Promise<Written>;
  /** Never throws. */
  close(): Promise<void>;
}

/** Why a store couldn't write; `code` is the database's own (`SQLITE_FULL`, `ECONNREFUSED`, `57P01`). */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string;
  /** Whether another try can help; false: the configuration or the database must be changed. */
  readonly transient: boolean;

  constructor(code: string, message: string, transient: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.transient = transient;
  }
}

/**
 * What a database does for the audit log: it makes a batch of rows durable, all of them or none.
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
  /** Something that an operator must know although the batch was written. */
  readonly warning?: string;
}

export interface Store {
  /**
   * Connects, migrates.
   * @param lost called when the connection breaks by itself; the next write would make a new one
   * @throws StoreError
   */
  open(lost?: () => void): Promise<void>;
  /**
   * Resolves once all rows are durable. One call at a time. Opens anew whatever an earlier failure has closed.
   * @throws StoreError when none of them is known to be
   */
  write(rows: readonly AuditRecord[]): Promise<Written>;
  /** Never throws. */
  close(): Promise<void>;
}

/** Why a store couldn't write; `code` is the database's own (`SQLITE_FULL`, `ECONNREFUSED`, `57P01`). */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string;
  /** Whether it may pass by itself; false: the configuration or the database has to be mended. */
  readonly passing: boolean;

  constructor(code: string, message: string, passing: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.passing = passing;
  }
}

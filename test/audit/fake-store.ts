/**
 * A store whose writes end when a test says so.
 *
 * @module
 */
import type { AuditRecord } from '../../src/audit/columns.ts';
import { type Store, StoreError, type Written } from '../../src/audit/store.ts';

export interface FakeStore extends Store {
  /** What was handed over, batch by batch. */
  readonly batches: (readonly AuditRecord[])[];
  /** Ends the write that is under way. */
  done(written?: Partial<Written>): Promise<void>;
  fail(message: string): Promise<void>;
  /** From now on every write ends at once. */
  flow(written?: Partial<Written>): void;
}

export function fakeStore(): FakeStore {
  let seq = 0;
  let flowing: Partial<Written> | undefined;
  let waiting: { records: number; resolve: (w: Written) => void; reject: (e: StoreError) => void } | undefined;
  const settle = () => new Promise<void>(resolve => setImmediate(resolve));
  const head = (records: number) => {
    seq += records;
    return { writer: 'w', seq, hash: 'f'.repeat(64) };
  };
  return {
    batches: [],
    open: async () => {},
    write(records) {
      this.batches.push(records);
      if (flowing !== undefined)
        return Promise.resolve({ head: head(records.length), freeBytes: undefined, ...flowing });
      return new Promise((resolve, reject) => {
        waiting = { records: records.length, resolve, reject };
      });
    },
    async done(written) {
      await settle();
      waiting?.resolve({ head: head(waiting.records), freeBytes: undefined, ...written });
      await settle();
    },
    async fail(message) {
      await settle();
      waiting?.reject(new StoreError('FAKE', message, true));
      await settle();
    },
    flow(written = {}) {
      flowing = written;
    },
    close: async () => {},
  };
}

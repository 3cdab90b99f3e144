/**
 * Makes a {@link AuditLog} from the configuration: a store, the queues before it, summed failures, logged heads.
 *
 * @module
 */
import { resolve } from 'node:path';
import type { AuditConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Head } from './chain.ts';
import { type AuditEvent, recordOf } from './event.ts';
import { FailureRecords } from './failures.ts';
import { GroupCommit } from './group-commit.ts';
import type { AuditLog } from './log.ts';
import { sqliteStore } from './sqlite/store.ts';
import { stdoutStore } from './stdout.ts';
import { type Store, StoreError } from './store.ts';

const MINUTE = 60_000;
/** Below this many free bytes no failure is recorded: what is left is for records that somebody waits for. */
const RESERVE = 64 * 1024 * 1024;

export interface AuditLogOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** What a relative path of the database is relative to. */
  readonly stateDir?: string;
  /** Free bytes below which no failure is recorded; default 64 MiB. */
  readonly reserveBytes?: number;
  /** Another store, for tests. */
  readonly store?: Store;
}

/**
 * Opens the audit log, and migrates its database where that is due.
 *
 * A database that is locked or out of reach doesn't keep the process from starting. The audit log is unavailable, says
 * why, and is tried again.
 *
 * @throws StoreError when the database can't be used as it is (no such folder, not writable, not an audit log, access denied)
 */
export async function createAuditLog(config: AuditConfig, options: AuditLogOptions): Promise<AuditLog> {
  const { clock, log, reserveBytes = RESERVE } = options;
  const made = options.store ?? storeFor(config, options);
  // No await for a store that is there: its thread then opens the database while the caller goes on loading.
  const store = made instanceof Promise ? await made : made;
  const heads = new Map<string, Head & { at: string }>();
  let lost = 0;
  let scarce = false;

  const commit = new GroupCommit(store, {
    clock,
    log,
    onWritten({ head, freeBytes }) {
      if (head.seq > 0) heads.set(head.writer, { ...head, at: new Date(clock.wall()).toISOString() });
      const now = freeBytes !== undefined && freeBytes < reserveBytes;
      if (now !== scarce) {
        scarce = now;
        if (now)
          log.error(
            { freeBytes, reserveBytes },
            'little space is left for the audit log: failures are no longer recorded',
          );
        else log.info({ freeBytes }, 'there is space for the audit log again: failures are recorded');
      }
    },
    onWithheld(record) {
      const minted_at = Math.floor(clock.wall() / 1000);
      failures.add({ ...record, minted_at, outcome: 'discarded', outcome_detail: 'withheld' });
    },
    onLost: lose,
  });
  const failures = new FailureRecords(clock, records => {
    if (scarce) lose(records.reduce((sum, { count }) => sum + count, 0));
    else commit.enqueue(records);
  });

  /** The first loss is logged at once, later ones as one sum a minute. */
  function lose(failures: number): void {
    if (lost === 0) log.error({ failures }, 'failures were lost: they are not in the audit log');
    lost += failures;
  }

  function everyMinute(): void {
    if (lost > 0) log.error({ failures: lost }, 'failures were lost within a minute: they are not in the audit log');
    lost = 0;
    if (scarce) commit.poll();
    logHeads();
    cancel = clock.schedule(everyMinute, MINUTE);
  }

  function logHeads(): void {
    // The text repeats the fields: `audit verify --heads` also reads a log whose lines are text.
    for (const { writer, seq, hash, at } of heads.values())
      log.info({ writer, seq, hash, at }, `audit head ${writer} ${seq} ${hash}`);
    heads.clear();
  }

  try {
    // A lost connection is polled at once, before anything is signed for a record that couldn't be written.
    await store.open({ disconnected: () => commit.poll(), warning: (code, message) => log.error({ code }, message) });
  } catch (error) {
    if (!(error instanceof StoreError) || !error.transient) {
      await store.close();
      throw error;
    }
    commit.startUnavailable(error);
  }
  let cancel = clock.schedule(everyMinute, MINUTE);

  return {
    append: (event: AuditEvent) => commit.append(recordOf(event)),
    recordFailure(event: AuditEvent) {
      failures.add(recordOf(event));
    },
    get available() {
      return commit.reason === undefined;
    },
    get reason() {
      return commit.reason;
    },
    async close() {
      cancel();
      failures.flush();
      await commit.close();
      logHeads();
      if (lost > 0) log.error({ failures: lost }, 'failures were lost within a minute: they are not in the audit log');
      lost = 0;
    },
  };
}

function storeFor(config: AuditConfig, { stateDir = '.' }: AuditLogOptions): Store | Promise<Store> {
  switch (config.kind) {
    case 'sqlite':
      return sqliteStore(resolve(stateDir, config.path));
    case 'stdout':
      return stdoutStore();
    case 'postgres':
      return import('./postgres/store.ts').then(({ postgresStore }) => postgresStore(config.url));
  }
}

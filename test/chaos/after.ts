/**
 * The reckoning after each scenario: what clients saw against the audit log, the log against itself, and a row of the table.
 *
 * @module
 */
import { appendFileSync } from 'node:fs';
import { expect, inject } from 'vitest';
import { openToRead } from '../../src/audit/database.ts';
import { recordsOf } from '../../src/audit/reader.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runCommand } from '../support/serve-process.ts';
import type { Seen } from './load.ts';
import type { World } from './world.ts';

/** A line of the table. */
export interface Row {
  readonly scenario: string;
  /** How often, or how many. */
  readonly rounds: string;
  readonly vends: number;
  readonly others: number;
  readonly p99: number | undefined;
  readonly upstream: number;
  /** Of the slowest round. */
  readonly recovery: number | undefined;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** The file that collects rows, one JSON text a line. */
    rows: string;
  }
}

/** @throws where a promise is broken: a wrong wallet, something expired, a vend without its record, a broken chain */
export async function reckon(
  at: World,
  seen: Seen,
  row: { scenario: string; rounds: string; recovery?: readonly number[]; upstream?: number },
): Promise<void> {
  expect(seen.faults.slice(0, 10)).toEqual([]);
  expect(seen.vended.size).toBeGreaterThan(0);
  expect(await unrecorded(at, seen)).toEqual([]);
  const verified = await runCommand(['audit', 'verify', '--config', at.config], at.folder);
  expect([verified.code, verified.code === 0 ? '' : verified.stdout + verified.stderr]).toEqual([0, '']);
  const all = [...seen.statuses.values()].reduce((sum, n) => sum + n, 0);
  const vends = seen.statuses.get(200) ?? 0;
  const made: Row = {
    scenario: row.scenario,
    rounds: row.rounds,
    vends,
    others: all - vends,
    p99: percentile(seen.cachedMs, 0.99),
    upstream: row.upstream ?? at.sts.calls,
    recovery: row.recovery === undefined ? undefined : Math.max(...row.recovery),
  };
  appendFileSync(inject('rows'), `${JSON.stringify(made)}\n`);
}

/** Keys that clients have and that the log lacks, or has for somebody else. */
async function unrecorded(at: World, seen: Seen): Promise<string[]> {
  const { audit } = await loadConfig(at.config, { purpose: 'inspect' });
  const db = await openToRead(audit);
  const missing = new Map(seen.vended);
  const wrong: string[] = [];
  try {
    for await (const record of recordsOf(db, {})) {
      const { access_key_id: key, outcome, workload, requester_wallet: wallet } = record;
      if (key === null || outcome !== 'ok') continue;
      const isOther = at.workloads.has(workload ?? '') && missing.get(key) !== workload;
      if (missing.has(key) && isOther) wrong.push(`${key}: recorded for ${workload}`);
      if (missing.has(key) && at.sts.issued.get(key)?.wallet !== wallet) wrong.push(`${key}: recorded for ${wallet}`);
      missing.delete(key);
    }
  } finally {
    await db.close();
  }
  return [...wrong, ...[...missing.keys()].map(key => `${key}: no record`)];
}

function percentile(values: readonly number[], part: number): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)];
}

/**
 * `walletcreds audit list`: the latest records, or a summary by caller.
 *
 * @module
 */

import type { Command } from 'commander';
import type { StoredRecord } from '../../../audit/columns.ts';
import { type CallerSummary, callersOf, rowsOf } from '../../../audit/reader.ts';
import { UsageError } from '../../../lib/errors.ts';
import { inertJson } from '../../../lib/text/inert.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type Column, table, terminalWidth } from '../../output/table.ts';
import {
  type AuditCommand,
  type AuditFlags,
  auditCommand,
  type FilterFlags,
  filterOf,
  reading,
  withFilters,
} from './context.ts';

const LIST_LIMIT = 100;

interface ListFlags extends AuditFlags, FilterFlags {
  readonly callers?: boolean;
  readonly limit?: string;
}

export function configure(command: Command, io: Io, run: Run): void {
  withFilters(withExamples(command, 'aws.md', 'walletcreds audit list --wallet WALLET --since 7d'))
    .description('Lists the latest records, newest first.')
    .option('--callers', 'list who asked, how often and when last, instead of the records')
    .option('--limit <N>', `list at most N (default: ${LIST_LIMIT})`)
    .action(run(async (flags: ListFlags) => auditList({ ...flags, ...(await auditCommand(flags, io)) })));
}

/** The latest records, or with `callers` who asked, how often and when last. */
export async function auditList(
  command: AuditCommand & FilterFlags & { callers?: boolean; limit?: string },
): Promise<number> {
  const { out, err, json, width = terminalWidth() } = command;
  const filter = filterOf(command);
  const limit = limitOf(command.limit ?? String(LIST_LIMIT));
  return reading(command, async db => {
    if (command.callers) {
      const callers = (await callersOf(db, filter)).slice(0, command.limit === undefined ? undefined : limit);
      if (json) out(inertJson(callers, 2));
      else for (const line of table(callers, CALLERS, width)) out(line);
      return 0;
    }
    const rows: StoredRecord[] = [];
    for await (const row of rowsOf(db, filter, { newestFirst: true, limit })) rows.push(row);
    if (json) out(inertJson(rows, 2));
    else for (const line of table(rows, ROWS, width)) out(line);
    if (rows.length === limit && !json) err(`The latest ${limit} records; --limit shows more.`);
    return 0;
  });
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError(`--limit ${text}: write a number from 1`);
  return limit;
}

const ROWS: readonly Column<StoredRecord>[] = [
  { title: 'ID', value: row => String(row.id), spare: 2 },
  { title: 'TIME', value: row => isoSeconds(row.minted_at * 1000), spare: 1 },
  { title: 'OUTCOME', value: row => row.outcome },
  { title: 'VIA', value: row => row.via ?? '-' },
  { title: 'WALLET', value: row => row.requester_wallet, min: 13, cut: 'middle' },
  { title: 'WORKLOAD', value: row => row.workload ?? '-', min: 8 },
  { title: 'N', value: row => String(row.count), spare: 3 },
  { title: 'KEY', value: row => row.access_key_id ?? '-', min: 12, cut: 'middle', spare: 4 },
  { title: 'DETAIL', value: row => row.outcome_detail ?? '', min: 8 },
];

const CALLERS: readonly Column<CallerSummary>[] = [
  { title: 'CALLER', value: row => row.requester_token_hash.slice(0, 12) || '(none)' },
  { title: 'WALLET', value: row => row.requester_wallet, min: 13, cut: 'middle' },
  { title: 'WORKLOAD', value: row => row.workload ?? '-', min: 8, spare: 1 },
  { title: 'VIA', value: row => row.via ?? '-' },
  { title: 'COUNT', value: row => String(row.count) },
  { title: 'LAST SEEN', value: row => isoSeconds(row.last_seen * 1000) },
];

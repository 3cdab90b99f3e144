/**
 * `walletcreds audit list`: the latest records, or a summary by caller.
 *
 * @module
 */
import type { Command } from 'commander';
import type { StoredRecord } from '../../../audit/columns.ts';
import { type CallerSummary, callersOf, recordsOf } from '../../../audit/reader.ts';
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
  withFilters(withExamples(command, 'architecture.md', 'walletcreds audit list --wallet WALLET --since 7d'))
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
    const records: StoredRecord[] = [];
    for await (const record of recordsOf(db, filter, { newestFirst: true, limit })) records.push(record);
    if (json) out(inertJson(records, 2));
    else for (const line of table(records, RECORDS, width)) out(line);
    if (records.length === limit && !json) err(`The latest ${limit} records; --limit shows more.`);
    return 0;
  });
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError(`--limit ${text}: write a number from 1`);
  return limit;
}

const RECORDS: readonly Column<StoredRecord>[] = [
  { title: 'ID', value: record => String(record.id), spare: 2 },
  { title: 'TIME', value: record => isoSeconds(record.minted_at * 1000), spare: 1 },
  { title: 'OUTCOME', value: record => record.outcome },
  { title: 'VIA', value: record => record.via ?? '-' },
  { title: 'WALLET', value: record => record.requester_wallet, min: 13, cut: 'middle' },
  { title: 'WORKLOAD', value: record => record.workload ?? '-', min: 8 },
  { title: 'N', value: record => String(record.count), spare: 3 },
  { title: 'KEY', value: record => record.access_key_id ?? '-', min: 12, cut: 'middle', spare: 4 },
  { title: 'DETAIL', value: record => record.outcome_detail ?? '', min: 8 },
];

const CALLERS: readonly Column<CallerSummary>[] = [
  { title: 'CALLER', value: record => record.requester_token_hash.slice(0, 12) || '(none)' },
  { title: 'WALLET', value: record => record.requester_wallet, min: 13, cut: 'middle' },
  { title: 'WORKLOAD', value: record => record.workload ?? '-', min: 8, spare: 1 },
  { title: 'VIA', value: record => record.via ?? '-' },
  { title: 'COUNT', value: record => String(record.count) },
  { title: 'LAST SEEN', value: record => isoSeconds(record.last_seen * 1000) },
];

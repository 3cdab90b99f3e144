/**
 * `walletcreds audit list|verify|heads|export|prune`.
 *
 * Every verb returns the exit status: 0 done (for `verify`: intact), 1 it failed (not intact); a wrong flag is thrown.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Head } from '../../audit/chain.ts';
import { COLUMNS, type StoredRecord } from '../../audit/columns.ts';
import { type AuditDatabase, openToRead } from '../../audit/database.ts';
import { headText, parseHeads } from '../../audit/heads.ts';
import { prune, rangesBefore } from '../../audit/prune.ts';
import { type CallerSummary, callersOf, headsOf, type RecordFilter, rowsOf } from '../../audit/reader.ts';
import { type VerifyReport, verifyAuditLog } from '../../audit/verify.ts';
import type { AuditConfig } from '../../config/types.ts';
import { UsageError } from '../../lib/errors.ts';
import { parseMoment } from '../../lib/time/moment.ts';
import { InvalidWallet, parseWallet } from '../../workload/wallet.ts';
import { type Column, inert, inertJson, table, terminalWidth } from '../output/table.ts';

/** What every verb takes. */
export interface AuditCommand {
  readonly config: AuditConfig;
  /** One line of what was asked for, to stdout. */
  readonly out: (line: string) => void;
  /** One line of advice, to stderr. */
  readonly err: (line: string) => void;
  readonly json?: boolean;
  /** Wall time in ms; default the machine's. */
  readonly now?: number;
  /** Characters in a line; default the terminal's. */
  readonly width?: number;
}

/** The flags that choose rows, as typed. */
export interface FilterFlags {
  readonly wallet?: string;
  readonly workload?: string;
  readonly outcome?: string;
  readonly via?: string;
  /** `7d`, or a date. */
  readonly since?: string;
}

const LIST_LIMIT = 100;

/** The latest rows, or with `callers` who asked, how often and when last. */
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
    if (rows.length === limit && !json) err(`The latest ${limit} rows; --limit shows more.`);
    return 0;
  });
}

/** Checks the chains, against heads from a file where one is given. */
export async function auditVerify(command: AuditCommand & { heads?: string }): Promise<number> {
  const { out, json } = command;
  const heads = command.heads === undefined ? undefined : headsFrom(command.heads);
  return reading(command, async db => {
    const report = await verifyAuditLog(db, heads);
    if (json) out(inertJson(report, 2));
    else for (const line of reportLines(report)) out(inert(line));
    return report.intact ? 0 : 1;
  });
}

/** Where each chain stands, one a line, to be kept elsewhere and given to `verify --heads`. */
export async function auditHeads(command: AuditCommand): Promise<number> {
  return reading(command, async db => {
    for (const head of await headsOf(db)) {
      const { writer, seq, hash, at } = head;
      command.out(command.json ? inertJson({ writer, seq, hash, at }) : inert(headText(head, at)));
    }
    return 0;
  });
}

/** Every row, oldest first. */
export async function auditExport(command: AuditCommand & FilterFlags & { format?: string }): Promise<number> {
  const { out, format = 'jsonl' } = command;
  if (format !== 'jsonl' && format !== 'csv') throw new UsageError(`--format ${format}: write jsonl or csv`);
  return reading(command, async db => {
    if (format === 'csv') out(COLUMNS.join(','));
    for await (const row of rowsOf(db, filterOf(command)))
      out(format === 'csv' ? COLUMNS.map(column => csvField(row[column])).join(',') : inertJson(row));
    return 0;
  });
}

/** Without `yes` only says what it would take out. */
export async function auditPrune(command: AuditCommand & { before: string; yes?: boolean }): Promise<number> {
  const { config, out, err, json, now = Date.now(), yes = false } = command;
  if (config.kind === 'stdout') throw new UsageError('audit.database is stdout: there is nothing here to prune');
  const before = parseMoment(command.before, '--before', now);
  const ranges = yes ? await prune(config, before, Math.floor(now / 1000)) : await rangesBefore(config, before);
  const rows = ranges.reduce((sum, range) => sum + range.last_seq - range.first_seq + 1, 0);
  if (json) out(inertJson({ pruned: yes, rows, ranges }, 2));
  else {
    for (const range of ranges) out(inert(`${range.writer}  ${range.first_seq} to ${range.last_seq}`));
    out(
      `${rows} rows of ${ranges.length} chains before ${isoSeconds(before)} ${yes ? 'were pruned' : 'would be pruned'}`,
    );
  }
  if (!yes && rows > 0) err('Nothing was taken out. audit export first, then --yes.');
  return 0;
}

async function reading(command: AuditCommand, use: (db: AuditDatabase) => Promise<number>): Promise<number> {
  const db = await openToRead(command.config);
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}

function filterOf({
  wallet,
  workload,
  outcome,
  via,
  since,
  now = Date.now(),
}: FilterFlags & { now?: number }): RecordFilter {
  return {
    ...(wallet !== undefined && { wallet: walletOf(wallet) }),
    ...(workload !== undefined && { workload }),
    ...(outcome !== undefined && { outcome }),
    ...(via !== undefined && { via }),
    ...(since !== undefined && { since: parseMoment(since, '--since', now) }),
  };
}

function walletOf(text: string): string {
  if (text === 'unknown') return text;
  try {
    return parseWallet(text);
  } catch (error) {
    throw error instanceof InvalidWallet ? new UsageError(`--wallet: ${error.message}`) : error;
  }
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError(`--limit ${text}: write a number from 1`);
  return limit;
}

function headsFrom(file: string): Head[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--heads ${file}: ${(error as NodeJS.ErrnoException).code ?? 'it cannot be read'}`);
  }
  const heads = parseHeads(text);
  if (heads.length === 0)
    throw new UsageError(`--heads ${file}: no head in it; give the log, or what walletcreds audit heads printed`);
  return heads;
}

function reportLines(report: VerifyReport): string[] {
  const { findings, rows, writers, sealedRows, pruned, heads } = report;
  const lines = findings.map(({ id, writer, seq, message }) => {
    const place = [
      id !== null && `row id ${id}`,
      writer !== null && `writer ${writer}`,
      seq !== null && `number ${seq}`,
    ];
    return [place.filter(Boolean).join(', '), message].filter(part => part !== '').join(': ');
  });
  for (const { writer, last_seq, at } of pruned)
    lines.push(`pruned: writer ${writer} up to number ${last_seq}, on ${isoSeconds(at)}`);
  if (sealedRows > 0) lines.push(`${sealedRows} rows of an old broker, sealed when the database was migrated`);
  lines.push(`${rows} rows in ${writers} chains: ${report.intact ? 'intact' : `${findings.length} findings`}`);
  lines.push(
    report.truncation === 'not-excluded'
      ? 'Without heads that were kept elsewhere (--heads FILE: the log, or audit heads) it can not be excluded that the end of a chain, or a whole chain, was cut off or written anew.'
      : `${heads} heads were compared. What came after the last one of each chain may have been cut off.`,
  );
  return lines;
}

/** RFC 4180; a field that a spreadsheet would take for a formula begins with an apostrophe. */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = inert(value);
  const text = /^[=+\-@]/.test(safe.trimStart()) ? `'${safe}` : safe;
  return /[",'\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function isoSeconds(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : `${date.toISOString().slice(0, 19)}Z`;
}

const ROWS: readonly Column<StoredRecord>[] = [
  { title: 'ID', value: row => String(row.id), spare: 2 },
  { title: 'TIME', value: row => isoSeconds(row.minted_at), spare: 1 },
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
  { title: 'LAST SEEN', value: row => isoSeconds(row.last_seen) },
];

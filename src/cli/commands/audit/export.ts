/**
 * `walletcreds audit export`: every record, oldest first.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { COLUMNS } from '../../../audit/columns.ts';
import { recordsOf } from '../../../audit/reader.ts';
import { UsageError } from '../../../lib/errors.ts';
import { inert, inertJson } from '../../../lib/text/inert.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import {
  type AuditCommand,
  type AuditFlags,
  auditCommand,
  type FilterFlags,
  filterOf,
  reading,
  withFilters,
} from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withFilters(withExamples(command, 'architecture.md', 'walletcreds audit export --format csv > audit.csv'))
    .description('Prints every record, oldest first.')
    .addOption(new Option('--format <FORMAT>', 'the output').choices(['jsonl', 'csv']).default('jsonl'))
    .action(
      run(async (flags: AuditFlags & FilterFlags & { format: string }) =>
        auditExport({ ...flags, ...(await auditCommand(flags, io)) }),
      ),
    );
}

export async function auditExport(command: AuditCommand & FilterFlags & { format?: string }): Promise<number> {
  const { out, format = 'jsonl' } = command;
  if (format !== 'jsonl' && format !== 'csv') throw new UsageError(`--format ${format}: write jsonl or csv`);
  return reading(
    command,
    async db => {
      if (format === 'csv') out(COLUMNS.join(','));
      for await (const record of recordsOf(db, filterOf(command)))
        out(format === 'csv' ? COLUMNS.map(column => csvField(record[column])).join(',') : inertJson(record));
      return 0;
      // A reader that stalls would hold the snapshot, and a held snapshot lets the write-ahead log grow.
    },
    { snapshot: false },
  );
}

/** RFC 4180; a field that a spreadsheet would take for a formula begins with an apostrophe. */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = inert(value);
  const text = /^[=+\-@]/.test(safe.trimStart()) ? `'${safe}` : safe;
  return /[",'\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

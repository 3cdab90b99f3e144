/**
 * `walletcreds audit prune`: removes old records and leaves the chain verifiable.
 *
 * @module
 */
import type { Command } from 'commander';
import { prune, rangesBefore } from '../../../audit/prune.ts';
import { UsageError } from '../../../lib/errors.ts';
import { inert, inertJson } from '../../../lib/text/inert.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import { parseMoment } from '../../../lib/time/moment.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type AuditCommand, type AuditFlags, auditCommand } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'architecture.md',
    'walletcreds audit prune --before 90d',
    'walletcreds audit prune --before 90d --yes',
  )
    .description(
      'Removes old records and leaves the chain verifiable. Without --yes it only prints what it would remove.',
    )
    .requiredOption('--before <WHEN>', 'a duration back from now (90d) or a date')
    .option('--yes', 'remove them')
    .action(
      run(async ({ before, yes = false, ...flags }: AuditFlags & { before: string; yes?: boolean }) =>
        auditPrune({ ...(await auditCommand(flags, io)), before, yes }),
      ),
    );
}

/** Without `yes` it only prints what it would remove. */
export async function auditPrune(command: AuditCommand & { before: string; yes?: boolean }): Promise<number> {
  const { config, out, err, json, now = Date.now(), yes = false } = command;
  if (config.kind === 'stdout') throw new UsageError('audit.database is stdout: there is nothing here to prune');
  const before = parseMoment(command.before, '--before', now);
  const ranges = yes ? await prune(config, before, Math.floor(now / 1000)) : await rangesBefore(config, before);
  const records = ranges.reduce((sum, range) => sum + range.last_seq - range.first_seq + 1, 0);
  if (json) out(inertJson({ pruned: yes, records, ranges }, 2));
  else {
    for (const range of ranges) out(inert(`${range.writer}  ${range.first_seq} to ${range.last_seq}`));
    out(
      `${records} records of ${ranges.length} chains before ${isoSeconds(before * 1000)} ${yes ? 'were pruned' : 'would be pruned'}`,
    );
  }
  if (!yes && records > 0) err('Nothing was removed. Run audit export first, then prune with --yes.');
  return 0;
}

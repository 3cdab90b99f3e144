/**
 * `audit list|verify|heads|export|prune`.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { AuditCommand, FilterFlags } from '../commands/audit.ts';
import type { Io, Run } from '../io.ts';
import { configOption, jsonOption } from './options.ts';

interface AuditFlags {
  readonly config: string;
  readonly json?: boolean;
}

export function addAuditVerbs(program: Command, io: Io, run: Run): void {
  const audit = program
    .command('audit')
    .summary('the audit log: list, verify, heads, export, prune')
    .description('Reads the audit log, and checks that nothing was taken out of it.')
    .helpCommand(false);
  const verb = (name: string, description: string) =>
    audit.command(name).description(description).addOption(configOption()).addOption(jsonOption());
  const filtered = (command: Command) =>
    command
      .option('--wallet <WALLET>', 'only this wallet')
      .option('--workload <NAME>', 'only this workload')
      .option('--outcome <OUTCOME>', 'ok, auth_failed, backend_error, sts_error, discarded or revoked')
      .option('--via <VIA>', 'endpoint, mint-aws-creds, mint-oidc-jwt, exec, credentials or keys')
      .option('--since <WHEN>', 'a duration back from now (7d, 12h) or a date');
  /** The room and what all its verbs take. */
  const room = async (flags: AuditFlags) => {
    const [verbs, { loadConfig }] = await Promise.all([import('../commands/audit.ts'), import('../../config/load.ts')]);
    const config = await loadConfig(flags.config, { env: io.env, purpose: 'inspect' });
    const command: AuditCommand = { config: config.audit, out: io.out, err: io.warn, json: flags.json ?? false };
    return { verbs, command };
  };

  filtered(verb('list', 'The latest rows, newest first.'))
    .option('--callers', 'who asked, how often, and when last, instead of the rows')
    .option('--limit <N>', 'at most so many; default 100')
    .action(
      run(async (flags: AuditFlags & FilterFlags & { callers?: boolean; limit?: string }) => {
        const { verbs, command } = await room(flags);
        return verbs.auditList({ ...flags, ...command });
      }),
    );
  verb(
    'verify',
    'Finds an edited, a removed, a reordered row; with heads a cut tail too. Exit status 1 if there is one.',
  )
    .option('--heads <FILE>', 'heads as `audit heads` prints them or the log has them')
    .action(
      run(async (flags: AuditFlags & { heads?: string }) => {
        const { verbs, command } = await room(flags);
        return verbs.auditVerify({ ...command, ...(flags.heads === undefined ? {} : { heads: flags.heads }) });
      }),
    );
  verb('heads', 'Where each writer’s chain stands, to be kept elsewhere.').action(
    run(async (flags: AuditFlags) => {
      const { verbs, command } = await room(flags);
      return verbs.auditHeads(command);
    }),
  );
  filtered(verb('export', 'Every row, oldest first.'))
    .addOption(new Option('--format <FORMAT>', 'how').choices(['jsonl', 'csv']).default('jsonl'))
    .action(
      run(async (flags: AuditFlags & FilterFlags & { format: string }) => {
        const { verbs, command } = await room(flags);
        return verbs.auditExport({ ...flags, ...command });
      }),
    );
  verb('prune', 'Takes out old rows and leaves the chain verifiable. Only says what it would do, without --yes.')
    .requiredOption('--before <WHEN>', 'a duration back from now (90d) or a date')
    .option('--yes', 'do it')
    .action(
      run(async (flags: AuditFlags & { before: string; yes?: boolean }) => {
        const { verbs, command } = await room(flags);
        return verbs.auditPrune({ ...command, before: flags.before, yes: flags.yes ?? false });
      }),
    );
}

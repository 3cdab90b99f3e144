/**
 * `walletcreds audit heads`: the end of each chain, to be kept elsewhere and given to `verify --heads`.
 *
 * @module
 */
import type { Command } from 'commander';
import { headText } from '../../../audit/heads.ts';
import { headsOf } from '../../../audit/reader.ts';
import { inert, inertJson } from '../../../lib/text/inert.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type AuditCommand, type AuditFlags, auditCommand, reading } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'architecture.md', 'walletcreds audit heads >> heads.txt')
    .description('Prints the end of each writer’s chain, to be kept elsewhere.')
    .action(run(async (flags: AuditFlags) => auditHeads(await auditCommand(flags, io))));
}

/** One head a line. */
export async function auditHeads(command: AuditCommand): Promise<number> {
  return reading(command, async db => {
    for (const head of await headsOf(db)) {
      const { writer, seq, hash, at } = head;
      command.out(command.json ? inertJson({ writer, seq, hash, at }) : inert(headText(head, at)));
    }
    return 0;
  });
}

/**
 * `walletcreds audit list|verify|heads|export|prune`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Io, Run } from '../../io.ts';
import { configOption, jsonOption, withExamples } from '../../options.ts';
import * as exportRecords from './export.ts';
import * as heads from './heads.ts';
import * as list from './list.ts';
import * as prune from './prune.ts';
import * as verify from './verify.ts';

const COMMANDS = { list, verify, heads, export: exportRecords, prune };

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'architecture.md', 'walletcreds audit list --since 1d', 'walletcreds audit verify')
    .description('Reads the audit log, and checks that nothing was taken out of it.')
    .helpCommand(false);
  for (const [name, { configure: add }] of Object.entries(COMMANDS))
    add(command.command(name).addOption(configOption()).addOption(jsonOption()), io, run);
}

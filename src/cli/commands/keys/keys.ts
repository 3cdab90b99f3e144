/**
 * `walletcreds keys generate|list|jwks|rotate|revoke`. It prints names, times and public keys, never key material.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { Io, Run } from '../../io.ts';
import { configOption, withExamples } from '../../options.ts';
import * as generate from './generate.ts';
import * as jwks from './jwks.ts';
import * as list from './list.ts';
import * as revoke from './revoke.ts';
import * as rotate from './rotate.ts';

const COMMANDS = { generate, list, jwks, rotate, revoke };

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys generate', 'walletcreds keys rotate')
    .description('Works on the keys that sign identity tokens.')
    .helpCommand(false);
  for (const [name, { configure: add }] of Object.entries(COMMANDS)) {
    const child = command
      .command(name)
      .addOption(configOption())
      .option('--dir <DIR>', 'the folder of keys (default: keys_dir of the configuration)')
      .addOption(
        new Option('--purpose <PURPOSE>', 'what the keys sign').choices(['oidc', 'session', 'dev']).hideHelp(),
      );
    add(child, io, run);
  }
}

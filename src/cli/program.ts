/**
 * The command line around its verbs: what it says of itself, how a verb is run, what becomes of an error.
 *
 * Exit status: 0 done, 1 it failed, 2 the command or the configuration is wrong; `verify` and `exec` have more.
 *
 * @module
 */
import { Command, CommanderError } from 'commander';
import { version } from '../version.ts';
import { type Io, print, processIo, type Run } from './io.ts';
import { report } from './report.ts';

const EXAMPLES = `
Try it without an AWS account:
  $ walletcreds dev                      prints what to export; then, in another terminal:
  $ aws sts get-caller-identity

Use it:
  $ walletcreds init                     writes walletcreds.yaml, a signing key and token files
  $ walletcreds aws-setup --bucket B     prints what to set up in the account
  $ walletcreds serve                    runs the sidecar
  $ walletcreds verify WORKLOAD --bucket B   proves the isolation on the real account

Exit status: 0 done, 1 it failed, 2 the command or the configuration is wrong.`;

/** Adds verbs to the command line. */
export type AddVerbs = (program: Command, io: Io, run: Run) => void;

/** @returns the exit status */
export async function runProgram(args: readonly string[], verbs: readonly AddVerbs[]): Promise<number> {
  const io = processIo();
  let status = 0;
  const run: Run =
    verb =>
    async (...given) => {
      status = await verb(...given);
    };
  const program = new Command('walletcreds')
    .description('AWS credentials for one wallet’s data and nothing else, the way a container on ECS gets them.')
    .version(version())
    .helpCommand(false)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: text => io.warn(text.trimEnd()) })
    .addHelpText('after', EXAMPLES);
  for (const add of verbs) add(program, io, run);
  inherit(program);
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error, io);
  }
}

/** Commander doesn't hand these settings down to commands that were made by `addCommand` or before them. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().configureOutput(command.configureOutput()).showSuggestionAfterError();
    inherit(child);
  }
}

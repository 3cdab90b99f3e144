/**
 * The command line: the list of commands, how one is run, and what becomes of an error.
 *
 * @module
 */
import { Command, CommanderError } from 'commander';
import { homepage, version } from '../package.ts';
import { reportError } from './exit-status.ts';
import { type Configure, type Io, print, processIo, type Run } from './io.ts';

interface Entry {
  /** One line in `walletcreds --help`. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly configure: Configure }>;
}

/** In the order of the help. A command's file is loaded when the command line names it. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: { summary: 'run the listeners of the configuration', load: () => import('./commands/serve.ts') },
  dev: {
    summary: 'run the whole chain on this machine, without an AWS account',
    load: () => import('./commands/dev/command.ts'),
  },
  init: { summary: 'write a configuration, a signing key and token files', load: () => import('./commands/init.ts') },
  healthcheck: { summary: 'exit 0 if the running process is ready', load: () => import('./commands/healthcheck.ts') },
  env: { summary: 'print the environment of a workload', load: () => import('./commands/env.ts') },
  credentials: { summary: 'print credentials once', load: () => import('./commands/credentials.ts') },
  exec: { summary: 'run a program with its own endpoint', load: () => import('./commands/exec.ts') },
  keys: {
    summary: 'make, list, publish, rotate and revoke signing keys',
    load: () => import('./commands/keys/keys.ts'),
  },
  audit: { summary: 'read, check, export and prune the audit log', load: () => import('./commands/audit/audit.ts') },
  'aws-setup': {
    summary: 'print the provider, the role and the policies for the account',
    load: () => import('./commands/aws-setup.ts'),
  },
  verify: { summary: 'prove the isolation on the real account', load: () => import('./commands/verify.ts') },
  doctor: { summary: 'find what would fail, and say how to fix it', load: () => import('./commands/doctor.ts') },
  explain: { summary: 'say what a code means, and how to fix it', load: () => import('./commands/explain.ts') },
};

const AFTER_HELP = `
Try it without an AWS account:
  $ walletcreds dev                      prints variables to export; then, in another terminal:
  $ aws sts get-caller-identity

Use it:
  $ walletcreds init                     writes walletcreds.yaml, a signing key and token files
  $ walletcreds aws-setup --bucket B     prints the setup of the account
  $ walletcreds serve                    runs the sidecar
  $ walletcreds verify WORKLOAD --bucket B   proves the isolation on the real account

Exit status: 0 done, 1 it failed, 2 the command or the configuration is wrong.
More: ${homepage}`;

/** @returns the exit status */
export async function main(args: readonly string[]): Promise<number> {
  const io = processIo();
  let status = 0;
  const run: Run =
    action =>
    async (...given) => {
      status = await action(...given);
    };
  try {
    const asked = withoutHelpCommand(args);
    const program = await programFor(asked, io, run);
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync(asked, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error, io);
  }
}

/** `help keys rotate` is `keys rotate --help`; of an unknown command it is that command, which is an error. */
function withoutHelpCommand([first, ...rest]: readonly string[]): string[] {
  if (first !== 'help') return first === undefined ? [] : [first, ...rest];
  const [name] = rest;
  return name === undefined || Object.hasOwn(COMMANDS, name) ? [...rest, '--help'] : rest;
}

async function programFor(args: readonly string[], io: Io, run: Run): Promise<Command> {
  const program = new Command('walletcreds')
    .description('AWS credentials for one wallet’s data only, given the way a container on ECS gets them.')
    .version(version)
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: text => io.warn(text.trimEnd()) })
    .addHelpText('after', AFTER_HELP);
  const named = args.find(arg => !arg.startsWith('-'));
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary);
    if (name === named) (await load()).configure(command, io, run);
  }
  inherit(program);
  return program;
}

/** Commander doesn't hand these settings down to commands of commands. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().configureOutput(command.configureOutput()).showSuggestionAfterError();
    inherit(child);
  }
}

#!/usr/bin/env node
/**
 * The entry module. Its first statement takes SIGUSR1 away from node, which would open a debugger on it: any process of
 * the same user could then read the credentials and the signing key out of this one. Everything else is loaded after.
 *
 * `serve` is what a container waits for, and has a way in of its own. The one import has nothing to run.
 *
 * @module
 */
import { plainServe } from './cli/plain-serve.ts';

process.on('SIGUSR1', () => undefined);
// Secrets may come in variables: where node can leave those out of a diagnostic report, it does (22.13 and later).
if (Number.parseInt(process.versions.node, 10) >= 22) Object.assign(process.report, { excludeEnv: true });

async function run(args: readonly string[]): Promise<void> {
  // To `serve` it means to read the configuration again: too early or too late it must mean nothing, not the end.
  if (args[0] === 'serve') process.on('SIGHUP', () => undefined);
  const config = plainServe(args, process.env);
  process.exitCode =
    config === undefined
      ? await (await import('./cli/main.ts')).main(args)
      : await (await import('./cli/start-serve.ts')).main(config);
}

void run(process.argv.slice(2));

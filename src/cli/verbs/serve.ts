/**
 * `serve`: the verb that is the sidecar.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Io, Run } from '../io.ts';
import { configOption } from './options.ts';

export function addServeVerb(program: Command, io: Io, run: Run): void {
  program
    .command('serve')
    .summary('run what the configuration switches on')
    .description(
      'Runs the listeners that the configuration switches on: the endpoint, the broker, admin.\nReloads the configuration when it changes and on SIGHUP; SIGTERM lets requests end, then stops.',
    )
    .addOption(configOption())
    .action(
      run(async (options: { config: string }) => {
        const { serve } = await import('../commands/serve.ts');
        return serve(options.config, io);
      }),
    );
}

/**
 * `dev`, `init`, `healthcheck`: the verbs that try, set up or ask a process.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DevFlags } from '../commands/dev/run.ts';
import type { Io, Run } from '../io.ts';
import { port, positiveInteger, repeated } from './options.ts';

export function addRunVerbs(program: Command, io: Io, run: Run): void {
  program
    .command('dev')
    .summary('the whole chain on this machine, with no AWS account')
    .description(
      'Runs an issuer, an STS emulator and the endpoint on loopback, with one workload `demo` unless told otherwise,\nand prints what to export. Reads no configuration and no AWS settings.',
    )
    .option('--workload <NAME=WALLET>', 'a workload and its wallet; repeat it for more', repeated, [])
    .option('--port <N>', 'the endpoint’s port; N+1 is the issuer and STS, N+2 admin', port, 9110)
    .option('--write-env <FILE>', 'write the variables there once ready (0600); further workloads’ to FILE.<name>')
    .option('--state-dir <DIR>', 'where the signing key and the tokens are kept', '.walletcreds/dev')
    .option(
      '--token-group <GID>',
      'let this group read the token files: for a container under another uid',
      positiveInteger,
    )
    .action(
      run(async (options: DevFlags) => {
        const { runDev } = await import('../commands/dev/run.ts');
        return runDev(options, io);
      }),
    );

  program
    .command('init')
    .summary('write a commented walletcreds.yaml, a signing key and token files')
    .description('Writes a configuration to start from, a signing key and token files. Never overwrites anything.')
    .option('--dir <DIR>', 'where to write', '.')
    .action(
      run(async ({ dir }: { dir: string }) => {
        const { init } = await import('../commands/init.ts');
        await init({ dir, log: io.out, env: io.env });
        return 0;
      }),
    );

  program
    .command('healthcheck')
    .summary('exit 0 when the running process is ready')
    .description('Asks a running process whether it is ready. For Docker’s HEALTHCHECK and exec probes.')
    .option('--workload <NAME>', 'only this workload')
    .option('--url <URL>', 'its admin listener', 'http://127.0.0.1:9112')
    .action(
      run(async ({ workload, url }: { workload?: string; url: string }) => {
        const { healthcheck } = await import('../commands/healthcheck.ts');
        return healthcheck({ url, out: io.out, ...(workload === undefined ? {} : { workload }) });
      }),
    );
}

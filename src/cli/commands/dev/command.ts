/**
 * `walletcreds dev`: its flags and its action.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Io, Run } from '../../io.ts';
import { cliLogger } from '../../logger.ts';
import { port, positiveInteger, repeated, withExamples } from '../../options.ts';
import { untilStopped } from '../../signals.ts';
import { dev } from './dev.ts';
import { parseDevWorkloads } from './workloads.ts';

interface DevFlags {
  readonly workload?: readonly string[];
  readonly port: number;
  readonly writeEnv?: string;
  readonly stateDir: string;
  readonly tokenGroup?: number;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'emulator.md',
    'walletcreds dev',
    'walletcreds dev --workload a=0x52908400098527886e0f7030069857d2e4169ee7 --write-env a.env',
  )
    .description(
      'Runs an issuer, an STS emulator and the endpoint on loopback, with one workload `demo` unless told otherwise. It prints the variables to export. It reads no configuration and no AWS settings.',
    )
    .option('--workload <NAME=WALLET>', 'a workload and its wallet; repeat it for more', repeated)
    .option('--port <N>', 'the endpoint’s port; N+1 is the issuer and STS, N+2 admin', port, 9110)
    .option('--write-env <FILE>', 'write the variables there once ready (0600); those of others to FILE.<name>')
    .option('--state-dir <DIR>', 'the folder of the signing key and the tokens', '.walletcreds/dev')
    .option(
      '--token-group <GID>',
      'let this group read the token files, for a container under another uid',
      positiveInteger,
    )
    .action(run((flags: DevFlags) => runDev(flags, io)));
}

async function runDev({ workload = [], writeEnv, ...flags }: DevFlags, io: Io): Promise<number> {
  const stop = new AbortController();
  void untilStopped().then(() => stop.abort());
  await dev({
    ...flags,
    writeEnv,
    workloads: parseDevWorkloads(workload),
    out: io.out,
    // Every request in the log would hide the variables.
    log: await cliLogger(io.env, 'warn'),
    signal: stop.signal,
  });
  return 0;
}

/**
 * `walletcreds dev`: its flags and its action.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parsePolicy, refusals } from '../../../aws/iam/parse.ts';
import { UsageError } from '../../../lib/errors.ts';
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
  readonly policy?: string;
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
      'Runs an issuer, an STS, an S3 that enforces the printed policies, and the endpoint on loopback. There is one workload `demo` unless told otherwise. It prints the variables to export. It reads no configuration and no AWS settings.',
    )
    .option('--workload <NAME=WALLET>', 'a workload and its wallet; repeat it for more', repeated)
    .option('--port <N>', 'the endpoint’s port; N+1 is the issuer and STS, N+2 admin, N+3 S3', port, 9110)
    .option('--write-env <FILE>', 'write the variables there once ready (0600); those of others to FILE.<name>')
    .option('--policy <FILE>', 'a policy for the role instead of the printed ones, to see what it opens')
    .option('--state-dir <DIR>', 'the folder of the signing key and the tokens', '.walletcreds/dev')
    .option(
      '--token-group <GID>',
      'let this group read the token files, for a container under another uid',
      positiveInteger,
    )
    .action(run((flags: DevFlags) => runDev(flags, io)));
}

async function runDev({ workload = [], writeEnv, policy, ...flags }: DevFlags, io: Io): Promise<number> {
  const stop = new AbortController();
  void untilStopped().then(() => stop.abort());
  await dev({
    ...flags,
    writeEnv,
    policy: policy === undefined ? undefined : policyText(policy),
    workloads: parseDevWorkloads(workload),
    out: io.out,
    // Every request in the log would hide the variables.
    log: await cliLogger(io.env, 'warn'),
    signal: stop.signal,
  });
  return 0;
}

function policyText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--policy ${file}: it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const [refused] = refusals(parsePolicy(text, 'identity', file));
  if (refused !== undefined) throw new UsageError(`--policy ${refused.where}: ${refused.what}`);
  return text;
}

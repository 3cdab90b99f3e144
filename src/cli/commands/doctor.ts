/**
 * `walletcreds doctor`: finds what would fail, and says how to fix it.
 *
 * @module
 */
import type { Command } from 'commander';
import { diagnose } from '../../aws/doctor/doctor.ts';
import type { Dialect } from '../../aws/plan.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/types.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { exchangeOnce } from '../once.ts';
import { configOption, dialectOption, issuerOption, jsonOption, withExamples } from '../options.ts';
import { checklistText } from '../output/checklist.ts';
import { workloadOf } from '../workload-of.ts';

interface DoctorFlags {
  readonly config: string;
  readonly appEnv?: string;
  readonly trustPolicy?: string;
  readonly rolePolicy?: string;
  readonly bucketPolicy?: string;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly account?: boolean;
  readonly exchange?: boolean;
  readonly dialect?: Dialect;
  readonly issuer?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'symptoms.md',
    'walletcreds doctor --account --bucket my-data --prefix bots/',
    'walletcreds doctor --app-env app.env',
    'walletcreds doctor --exchange',
  )
    .description(
      'Reads the configuration and what it points to, and prints a checklist. Exit status 1 if it finds an error.',
    )
    .addOption(configOption())
    .option(
      '--app-env <FILE>',
      'an application’s environment: a docker env file, a shell file, a systemd unit or a compose file',
    )
    .option('--trust-policy <FILE>', 'the role’s trust policy')
    .option('--role-policy <FILE>', 'the role’s permission policy')
    .option('--bucket-policy <FILE>', 'the bucket’s policy')
    .option('--bucket <BUCKET>', 'the bucket that the policies are about; without it grants are not checked')
    .option('--prefix <PREFIX>', 'what stands in front of the wallet in its keys, as bots/')
    .option('--account', 'read the role and the provider from IAM, with the credentials in the environment')
    .option('--exchange', 'try a real exchange at STS for each workload, audited as any other')
    .addOption(dialectOption())
    .addOption(issuerOption())
    .option('--offline', 'leave out the checks that need the network')
    .addOption(jsonOption())
    .action(run((flags: DoctorFlags) => doctor(flags, io)));
}

/** @returns 1 if a finding is an error */
export async function doctor(flags: DoctorFlags, io: Io): Promise<number> {
  const { config: configFile, json, exchange, ...rest } = flags;
  const config: Config | { error: unknown } = await loadConfig(configFile, { env: io.env, purpose: 'check' }).catch(
    (error: unknown) => ({ error }),
  );
  const report = await diagnose({
    ...rest,
    configFile,
    config,
    env: io.env,
    exchange: exchange === true && flags.offline !== true ? name => tryExchange(name, configFile, io) : undefined,
  });
  const ok = !report.findings.some(f => f.severity === 'error');
  const { checks, findings, proven } = report;
  const listed = checks.map(({ name, status, reason }) => ({ name, status, reason }));
  io.out(json === true ? JSON.stringify({ ok, proven, checks: listed, findings }, null, 2) : checklistText(report));
  return ok ? 0 : 1;
}

async function tryExchange(name: string, file: string, io: Io): Promise<void> {
  const { config, found } = await workloadOf(name, file, io.env, 'exchange');
  await exchangeOnce(config, found, 'credentials', await cliLogger(io.env));
}

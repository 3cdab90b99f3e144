/**
 * `walletcreds doctor`: finds what would fail, and says how to fix it.
 *
 * @module
 */
import type { Command } from 'commander';
import { diagnose } from '../../aws/doctor/doctor.ts';
import type { Finding } from '../../aws/doctor/finding.ts';
import type { Dialect } from '../../aws/plan.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/types.ts';
import type { Io, Run } from '../io.ts';
import { configOption, dialectOption, issuerOption, jsonOption, withExamples } from '../options.ts';

interface DoctorFlags {
  readonly config: string;
  readonly appEnv?: string;
  readonly trustPolicy?: string;
  readonly rolePolicy?: string;
  readonly bucketPolicy?: string;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly account?: boolean;
  readonly dialect?: Dialect;
  readonly issuer?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

const MARK = { error: '✗', warning: '!', info: '·' } as const;

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'symptoms.md', 'walletcreds doctor --account', 'walletcreds doctor --app-env app.env')
    .description('Reads the configuration and what it points to. Exit status 1 if it finds an error.')
    .addOption(configOption())
    .option('--app-env <FILE>', 'an application’s environment, KEY=value a line')
    .option('--trust-policy <FILE>', 'the role’s trust policy')
    .option('--role-policy <FILE>', 'the role’s permission policy')
    .option('--bucket-policy <FILE>', 'the bucket’s policy')
    .option('--bucket <BUCKET>', 'the bucket that the policies are about; without it grants are not checked')
    .option('--prefix <PREFIX>', 'what stands in front of the wallet in its keys, as bots/')
    .option('--account', 'read the role and the provider from IAM, with the credentials in the environment')
    .addOption(dialectOption())
    .addOption(issuerOption())
    .option('--offline', 'leave out the checks that need the network')
    .addOption(jsonOption())
    .action(run((flags: DoctorFlags) => doctor(flags, io)));
}

/** @returns 1 if a finding is an error */
export async function doctor(flags: DoctorFlags, io: Io): Promise<number> {
  const { config: configFile, json, ...rest } = flags;
  const config: Config | { error: unknown } = await loadConfig(configFile, { env: io.env, purpose: 'inspect' }).catch(
    (error: unknown) => ({ error }),
  );
  const findings = await diagnose({ ...rest, configFile, config, env: io.env });
  const errors = findings.filter(f => f.severity === 'error').length;
  if (json === true) io.out(JSON.stringify({ ok: errors === 0, findings }, null, 2));
  else io.out(textOf(findings));
  return errors > 0 ? 1 : 0;
}

/** How many places of one finding are listed; the rest is counted. */
const SHOWN = 10;

/** Findings that differ only in their place are explained once. */
function textOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing found: this would work, as far as it can be seen from here.';
  const kinds = new Map<string, [Finding, ...Finding[]]>();
  for (const found of findings) {
    const key = JSON.stringify([found.severity, found.code, found.why, found.fix]);
    const same = kinds.get(key);
    if (same === undefined) kinds.set(key, [found]);
    else same.push(found);
  }
  const count = (severity: Finding['severity']) => findings.filter(f => f.severity === severity).length;
  const blocks = [...kinds.values()].map(blockOf);
  return `${blocks.join('\n\n')}\n\n${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes`;
}

function blockOf(findings: readonly [Finding, ...Finding[]]): string {
  const [{ severity, code, why, fix, link }] = findings;
  const more = findings.length - SHOWN;
  return [
    `${MARK[severity]} ${severity} ${code}`,
    ...findings.slice(0, SHOWN).map(({ where, what }) => `  ${where}: ${what}`),
    ...(more > 0 ? [`  … and ${more} more; --json has them all`] : []),
    `  why:  ${why}`,
    `  fix:  ${fix}`,
    `  see:  ${link}`,
  ].join('\n');
}

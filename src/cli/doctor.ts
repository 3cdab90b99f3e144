/**
 * `walletcreds doctor`: what would fail, and how to mend it.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { diagnose } from '../federation/doctor.ts';
import type { Finding } from '../federation/finding.ts';
import type { Dialect } from '../federation/plan.ts';
import type { Io } from './io.ts';

export interface DoctorFlags {
  readonly config: string;
  readonly envFile?: string;
  readonly trustPolicy?: string;
  readonly rolePolicy?: string;
  readonly bucketPolicy?: string;
  readonly account?: boolean;
  readonly dialect?: Dialect;
  readonly issuer?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

const MARK = { error: '✗', warning: '!', info: '·' } as const;

/** @returns 1 where there is an error among the findings */
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

function textOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing found: this would work, as far as it can be seen from here.';
  const blocks = findings.map(({ severity, code, what, where, why, mend, link }) =>
    [
      `${MARK[severity]} ${severity} ${code}`,
      `  ${where}: ${what}`,
      `  why:  ${why}`,
      `  mend: ${mend}`,
      `  see:  ${link}`,
    ].join('\n'),
  );
  const count = (severity: Finding['severity']) => findings.filter(f => f.severity === severity).length;
  return `${blocks.join('\n\n')}\n\n${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes`;
}

/**
 * `walletcreds doctor`: what would fail, and how to mend it.
 *
 * @module
 */

import { diagnose } from '../../aws/doctor/doctor.ts';
import type { Finding } from '../../aws/doctor/finding.ts';
import type { Dialect } from '../../aws/plan.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/types.ts';
import type { Io } from '../io.ts';

export interface DoctorFlags {
  readonly config: string;
  readonly appEnv?: string;
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

/** Places of one kind that are listed; the rest is counted. */
const SHOWN = 10;

/** What is wrong in many places in one way is explained once. */
function textOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing found: this would work, as far as it can be seen from here.';
  const kinds = new Map<string, [Finding, ...Finding[]]>();
  for (const found of findings) {
    const key = JSON.stringify([found.severity, found.code, found.why, found.mend]);
    const alike = kinds.get(key);
    if (alike === undefined) kinds.set(key, [found]);
    else alike.push(found);
  }
  const count = (severity: Finding['severity']) => findings.filter(f => f.severity === severity).length;
  const blocks = [...kinds.values()].map(blockOf);
  return `${blocks.join('\n\n')}\n\n${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes`;
}

function blockOf(alike: readonly [Finding, ...Finding[]]): string {
  const [{ severity, code, why, mend, link }] = alike;
  const more = alike.length - SHOWN;
  return [
    `${MARK[severity]} ${severity} ${code}`,
    ...alike.slice(0, SHOWN).map(({ where, what }) => `  ${where}: ${what}`),
    ...(more > 0 ? [`  … and ${more} more; --json has them all`] : []),
    `  why:  ${why}`,
    `  mend: ${mend}`,
    `  see:  ${link}`,
  ].join('\n');
}

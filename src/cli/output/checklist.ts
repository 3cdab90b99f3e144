/**
 * `doctor`'s checklist as text: a line for each thing that was looked at, then what was found, each kind explained once.
 *
 * @module
 */
import type { Check, Report } from '../../aws/doctor/checklist.ts';
import type { Finding } from '../../aws/doctor/finding.ts';

const MARK = { ok: '✓', error: '✗', warning: '!', info: '·', 'not checked': '-' } as const;

/** How many places of one finding are listed; the rest is counted. */
const SHOWN = 10;

export function checklistText({ checks, findings, proven }: Report): string {
  const kinds = new Map<string, [Finding, ...Finding[]]>();
  for (const found of findings) {
    const key = JSON.stringify([found.severity, found.code, found.why, found.fix]);
    const same = kinds.get(key);
    if (same === undefined) kinds.set(key, [found]);
    else same.push(found);
  }
  return [checks.map(lineOf).join('\n'), ...[...kinds.values()].map(blockOf), summary(checks, findings, proven)].join(
    '\n\n',
  );
}

function lineOf({ name, status, reason }: Check): string {
  return `${MARK[status]} ${name}${reason === undefined ? '' : `: not checked (${reason})`}`;
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

/** "It would work" is said only where every workload really got credentials. */
function summary(checks: readonly Check[], findings: readonly Finding[], proven: boolean): string {
  const count = (severity: Finding['severity']) => findings.filter(f => f.severity === severity).length;
  const left = checks.filter(({ status }) => status === 'not checked').length;
  const counts = `${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes; ${left} of ${checks.length} not checked`;
  if (count('error') > 0) return counts;
  if (proven) return `${counts}\nThis would work: every workload got credentials from STS.`;
  return `${counts}\nWhether it works is not proven: give --exchange to try it at STS.`;
}

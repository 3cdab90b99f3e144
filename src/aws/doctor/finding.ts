/**
 * What `doctor` finds. Each code has a severity, a reason and a fix, and an entry in docs/symptoms.md under the same name.
 *
 * @module
 */
import { codeUrl } from '../../package.ts';
import { FINDINGS, type FindingCode } from './findings.ts';

export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  readonly severity: Severity;
  /** Stable; also the anchor in docs/symptoms.md. */
  readonly code: FindingCode;
  /** What is wrong, in one sentence. */
  readonly what: string;
  /** File, key, statement or variable. */
  readonly where: string;
  /** What breaks by it. */
  readonly why: string;
  readonly fix: string;
  readonly link: string;
}

/** A finding with its code's severity, reason and fix, unless `special` says otherwise. */
export function finding(
  code: FindingCode,
  what: string,
  where: string,
  special: { severity?: Severity; fix?: string; why?: string } = {},
): Finding {
  const { severity, why, fix } = FINDINGS[code];
  return {
    severity: special.severity ?? severity,
    code,
    what,
    where,
    why: special.why ?? why,
    fix: special.fix ?? fix,
    link: codeUrl(code),
  };
}

const ORDER: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** Errors first, otherwise in the order in which they were found; equal ones once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const unique = new Map(findings.map(f => [`${f.code}\n${f.where}\n${f.what}`, f]));
  return [...unique.values()].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

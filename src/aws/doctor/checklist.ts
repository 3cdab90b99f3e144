/**
 * What `doctor` looked at, in its order, each with what was found there or why it was not checked.
 *
 * @module
 */
import { type Finding, sorted } from './finding.ts';

/** `ok`: looked at, and nothing is wrong. */
export type CheckStatus = 'ok' | 'error' | 'warning' | 'not checked';

export interface Check {
  /** What was looked at: `trust policy trust.json`. */
  readonly name: string;
  readonly status: CheckStatus;
  /** Why it was not checked, and how it can be. */
  readonly reason?: string;
  readonly findings: readonly Finding[];
}

export interface Report {
  readonly checks: readonly Check[];
  /** Those of all checks, errors first, equal ones once. */
  readonly findings: readonly Finding[];
  /** Whether every workload really got credentials. */
  readonly proven: boolean;
}

export class Checklist {
  readonly #checks: Check[] = [];

  add(name: string, findings: readonly Finding[]): void {
    const severities = findings.map(({ severity }) => severity);
    const status = severities.includes('error') ? 'error' : severities.includes('warning') ? 'warning' : 'ok';
    this.#checks.push({ name, status, findings: sorted(findings) });
  }

  skip(name: string, reason: string): void {
    this.#checks.push({ name, status: 'not checked', reason, findings: [] });
  }

  report(proven: boolean): Report {
    return { checks: this.#checks, findings: sorted(this.#checks.flatMap(({ findings }) => findings)), proven };
  }
}

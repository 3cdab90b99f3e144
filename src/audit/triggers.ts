/**
 * The triggers that keep the table append-only, as they should be and as they are.
 *
 * @module
 */
import type { Finding } from './findings.ts';

/** The definition of each trigger, by name. */
export type Triggers = ReadonlyMap<string, string>;

/** @param statements the statement that creates each trigger, by name */
export function compareTriggers(expected: Triggers, found: Triggers, statements: Triggers): Finding[] {
  const findings: Finding[] = [];
  const add = (code: Finding['code'], message: string, fix: string) =>
    findings.push({ code, id: null, writer: null, seq: null, message, fix });
  for (const [name, definition] of expected) {
    const is = found.get(name);
    const statement = statements.get(name)?.replace(/\s+/g, ' ');
    if (is === undefined)
      add(
        'audit-trigger-missing',
        `the trigger ${name} is missing, so the table isn't append-only`,
        `Create it: ${statement}`,
      );
    else if (is !== definition)
      add(
        'audit-trigger-changed',
        `the trigger ${name} is disabled or not walletcreds', so the table isn't append-only`,
        `Drop it and create it again: ${statement}`,
      );
  }
  for (const name of found.keys())
    if (!expected.has(name))
      add(
        'audit-trigger-added',
        `the trigger or rule ${name} isn't walletcreds': it can change or drop records`,
        `Drop ${name}.`,
      );
  return findings;
}

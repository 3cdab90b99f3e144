/**
 * The triggers that keep the table append-only, as they should be and as they are.
 *
 * @module
 */
import type { Finding } from './findings.ts';

/** The definition of each trigger, by name. */
export type Triggers = ReadonlyMap<string, string>;

/** @param statements what creates each trigger again, by name */
export function compareTriggers(expected: Triggers, found: Triggers, statements: Triggers): Finding[] {
  const findings: Finding[] = [];
  const add = (kind: Finding['kind'], message: string) =>
    findings.push({ kind, id: null, writer: null, seq: null, message });
  for (const [name, definition] of expected) {
    const is = found.get(name);
    const again = `create it again: ${statements.get(name)?.replace(/\s+/g, ' ')}`;
    if (is === undefined)
      add('trigger-missing', `the trigger ${name} is missing, so the table isn't append-only; ${again}`);
    else if (is !== definition)
      add(
        'trigger-changed',
        `the trigger ${name} is another one or off, so the table isn't append-only; drop it and ${again}`,
      );
  }
  for (const name of found.keys())
    if (!expected.has(name))
      add('trigger-added', `the trigger ${name} isn't walletcreds': it can change or drop records; drop it`);
  return findings;
}

/**
 * Every verb: one line in the help, one room in the house, loaded only when it is asked for.
 *
 * @module
 */
import { runProgram } from './program.ts';
import { addAccountVerbs } from './verbs/account.ts';
import { addAuditVerbs } from './verbs/audit.ts';
import { addKeyVerbs } from './verbs/keys.ts';
import { addRunVerbs } from './verbs/run.ts';
import { addServeVerb } from './verbs/serve.ts';
import { addWorkloadVerbs } from './verbs/workload.ts';

/** @returns the exit status */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, [addServeVerb, addRunVerbs, addWorkloadVerbs, addKeyVerbs, addAuditVerbs, addAccountVerbs]);
}

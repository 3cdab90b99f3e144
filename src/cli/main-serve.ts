/**
 * The command line of `walletcreds serve …` and of nothing else: what the program that starts fast is made of.
 *
 * @module
 */
import type { Worker } from 'node:worker_threads';
import { startWorkerAhead } from '../audit/worker-thread.ts';
import { runProgram } from './program.ts';
import { addServeVerb } from './verbs/serve.ts';

/**
 * @param auditWorker the trail's thread, where it was started before this was loaded
 * @returns the exit status
 */
export function main(args: readonly string[], auditWorker?: Worker): Promise<number> {
  if (auditWorker !== undefined) startWorkerAhead(auditWorker);
  return runProgram(args, [addServeVerb]);
}

/**
 * `walletcreds serve` and nothing else: what the program that starts fast is made of.
 *
 * @module
 */
import type { Worker } from 'node:worker_threads';
import { startWorkerAhead } from '../audit/sqlite/worker-thread.ts';
import { serve } from './commands/serve.ts';
import { processIo } from './io.ts';
import { report } from './report.ts';

/**
 * @param config the configuration's path, as the user named it
 * @param auditWorker the trail's thread, where it was started before this was loaded
 * @returns the exit status
 */
export async function main(config: string, auditWorker?: Worker): Promise<number> {
  if (auditWorker !== undefined) startWorkerAhead(auditWorker);
  const io = processIo();
  try {
    return await serve(config, io);
  } catch (error) {
    return report(error, io);
  }
}

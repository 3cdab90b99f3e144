/**
 * `walletcreds serve`, its first steps: what must not run is refused, and the thread of the audit log starts beside all that
 * has to be loaded here.
 *
 * @module
 */
import { startWorkerAhead } from '../../audit/sqlite/worker-thread.ts';
import { refuseDebugging } from '../debug-guard.ts';
import type { Io } from '../io.ts';

/** @returns the exit status once the process was asked to stop */
export async function serve(file: string, io: Io): Promise<number> {
  refuseDebugging({ execArgv: process.execArgv, env: io.env });
  startWorkerAhead();
  const { untilServed } = await import('../serving.ts');
  return untilServed(file, io);
}

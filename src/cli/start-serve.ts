/**
 * The short way into `serve`: the trail's thread and the code that V8 compiled before, each at the first moment.
 *
 * @module
 */
import { tryNewWorker } from '../audit/sqlite/worker-thread.ts';
import { loadScript } from './load-script.ts';
import type * as ServeScript from './main-serve.ts';

/** The name of the script that `main-serve.ts` was bundled into, beside this code; the build writes it here. */
declare const SERVE_SCRIPT: string;

/**
 * @param config the configuration's path
 * @returns the exit status
 */
export function main(config: string): Promise<number> {
  const auditWorker = tryNewWorker();
  const script = loadScript(new URL(SERVE_SCRIPT, import.meta.url)) as typeof ServeScript;
  return script.main(config, auditWorker);
}

#!/usr/bin/env node
/**
 * The program's entry. It imports nothing statically, so that its first statement runs before any other code.
 *
 * @module
 */

// Node would open a debugger on SIGUSR1, and any process of the same user could then read this one's memory.
process.on('SIGUSR1', () => undefined);

/** Node 22 and later. */
interface NewerNode {
  enableCompileCache?(folder: string): unknown;
}

const [command] = process.argv.slice(2);
if (command === 'serve' || command === 'dev') {
  // Before the command handles signals itself, a request to stop ends the process, and a reload has nothing to do.
  process.on('SIGHUP', () => undefined);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const stop = (): void => {
      if (process.listenerCount(signal) === 1) process.exit(0);
      process.off(signal, stop);
    };
    process.on(signal, stop);
  }
}
// Secrets may come in environment variables, and a diagnostic report would show them (Node 22.13 and later).
Object.assign(process.report, { excludeEnv: true, excludeNetwork: true });
// The cache lies beside the code, because someone who can write the one can write the other. A shared temporary folder is not safe.
const nodeModule = process.getBuiltinModule('node:module') as NewerNode;
nodeModule.enableCompileCache?.(
  process.getBuiltinModule('node:url').fileURLToPath(new URL('../.cache', import.meta.url)),
);

void import('./cli/main.ts')
  .then(({ main }) => main(process.argv.slice(2)))
  .then(status => {
    process.exitCode = status;
  });

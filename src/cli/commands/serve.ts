/**
 * `walletcreds serve`: the sidecar, from its configuration to its end.
 *
 * The audit log's thread starts first, since it takes as long as the modules that are loaded beside it.
 *
 * @module
 */
import type { Command } from 'commander';
import { startWorkerAhead } from '../../audit/sqlite/worker-thread.ts';
import { systemClock } from '../../lib/clock.ts';
import { version } from '../../package.ts';
import type { Sidecar } from '../../server/sidecar.ts';
import { refuseDebugging } from '../debug-guard.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { configOption, withExamples } from '../options.ts';
import { endSoon, untilStopped } from '../signals.ts';

/** How long requests under way have to end after a signal; ms. */
const GRACE_MS = 4_500;

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'compose.md', 'walletcreds serve --config /etc/walletcreds/walletcreds.yaml')
    .description(
      'Runs the listeners of the configuration: the endpoint, the broker, admin. It reloads the configuration when the file changes and on SIGHUP. On SIGTERM it lets requests end, then stops.',
    )
    .addOption(configOption())
    .action(run(({ config }: { config: string }) => serve(config, io)));
}

/** @returns the exit status once the process was asked to stop */
async function serve(file: string, io: Io): Promise<number> {
  refuseDebugging({ execArgv: process.execArgv, env: io.env });
  startWorkerAhead();
  const [{ loadConfig }, { reloadOnChange }, { createSidecar }] = await Promise.all([
    import('../../config/load.ts'),
    import('../../config/reload.ts'),
    import('../../server/sidecar.ts'),
  ]);
  const config = await loadConfig(file, { env: io.env });
  const log = await cliLogger(io.env);
  for (const warning of config.warnings) log.warn(warning);
  const sidecar = await createSidecar(config, { log });
  log.info(
    {
      version,
      node: process.version,
      ...urlsOf(sidecar),
      sts: config.sts.endpoint,
      sts_from: config.sts.endpointSource,
      workloads: config.workloads.size,
    },
    'serving',
  );
  const { check, update: apply } = sidecar;
  const reload = reloadOnChange({ file, config, env: io.env, clock: systemClock, log, check, apply });
  const onHangup = (): void => void reload.now('SIGHUP');
  process.on('SIGHUP', onHangup);
  const signal = await untilStopped();
  log.info({ signal }, 'stopping; requests under way have 5 s to end');
  process.off('SIGHUP', onHangup);
  reload.close();
  await sidecar.close(GRACE_MS);
  log.info('stopped');
  endSoon();
  return 0;
}

/** The URLs of each listener, for the start-up line. */
function urlsOf(sidecar: Sidecar): Record<string, string> {
  const entries = (['endpoint', 'broker', 'admin'] as const).flatMap(name => {
    const urls = sidecar[name]?.urls;
    return urls === undefined ? [] : [[name, urls.join(', ')] as const];
  });
  return Object.fromEntries(entries);
}

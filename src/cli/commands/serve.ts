/**
 * `walletcreds serve`: the sidecar, from its configuration to its end.
 *
 * @module
 */
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { reloadOnChange } from '../../config/reload.ts';
import { systemClock } from '../../lib/clock.ts';
import { version } from '../../package.ts';
import { createSidecar, type Sidecar } from '../../server/sidecar.ts';
import { claimStateDir } from '../../server/state-dir-claim.ts';
import { refuseDebugging } from '../debug-guard.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { configOption, withExamples } from '../options.ts';
import { endWithin, untilStopped } from '../signals.ts';

/** How long requests under way have to end after a signal, and how long the whole end may take; ms. */
const GRACE_MS = 4_500;
const END_MS = 6_000;
/** How long the last log lines may wait for their reader; ms. */
const READER_MS = 250;

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
  const config = await loadConfig(file, { env: io.env });
  const log = await cliLogger(io.env);
  for (const warning of config.warnings) log.warn(warning);
  // From here on the process must not just exit: the audit log's thread may be in native code, which aborts then.
  const stopped = untilStopped();
  void stopped.then(() => endWithin(END_MS));
  // Not awaited: the claim must not delay the first answer.
  const claimed = claimStateDir(config.stateDir, log);
  const sidecar = await createSidecar(config, { log });
  log.info(
    {
      version,
      node: process.version,
      ...urlsOf(sidecar),
      sts: config.sts.endpoint,
      sts_from: config.sts.endpointSource,
      egress_proxy: config.egressProxy?.url ?? 'none',
      workloads: config.workloads.size,
    },
    'serving',
  );
  const reload = reloadOnChange({
    config,
    read: running => loadConfig(file, { env: io.env, running }),
    apply: sidecar.apply,
    clock: systemClock,
    log,
  });
  const onHangup = (): void => void reload.now('SIGHUP');
  process.on('SIGHUP', onHangup);
  const signal = await stopped;
  log.info({ signal }, 'stopping; requests under way have 5 s to end');
  process.off('SIGHUP', onHangup);
  reload.close();
  await sidecar.close(GRACE_MS);
  const endClaim = await claimed;
  endClaim();
  log.info('stopped');
  endWithin(READER_MS);
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

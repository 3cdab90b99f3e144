/**
 * The process that `walletcreds serve` is, from its configuration to its end.
 *
 * @module
 */

import { loadConfig } from '../config/load.ts';
import { reloadOnChange } from '../config/reload.ts';
import { systemClock } from '../lib/clock.ts';
import { createSidecar, type Sidecar } from '../server/sidecar.ts';
import { version } from '../version.ts';
import type { Io } from './io.ts';
import { cliLogger } from './logger.ts';
import { endSoon, untilStopped } from './stop.ts';

/** @returns the exit status once the process was asked to stop */
export async function untilServed(file: string, io: Io): Promise<number> {
  const config = await loadConfig(file, { env: io.env });
  const log = await cliLogger(io.env);
  for (const warning of config.warnings) log.warn(warning);
  const sidecar = await createSidecar(config, { log });
  log.info(
    {
      version: version(),
      node: process.version,
      ...listening(sidecar),
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
  await sidecar.close(4_500);
  log.info('stopped');
  endSoon();
  return 0;
}

/** Where each listener really listens, for the start-up line. */
function listening(sidecar: Sidecar): Record<string, string> {
  const entries = (['endpoint', 'broker', 'admin'] as const).flatMap(name => {
    const urls = sidecar[name]?.urls;
    return urls === undefined ? [] : [[name, urls.join(', ')] as const];
  });
  return Object.fromEntries(entries);
}

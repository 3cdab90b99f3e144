/**
 * `walletcreds dev` on a command line: flags in, signals wired, nothing else.
 *
 * @module
 */

import type { Io } from '../../io.ts';
import { cliLogger } from '../../logger.ts';
import { untilStopped } from '../../stop.ts';
import { dev } from './dev.ts';
import { parseDevWorkloads } from './workloads.ts';

export interface DevFlags {
  readonly workload: readonly string[];
  readonly port: number;
  readonly writeEnv?: string;
  readonly stateDir: string;
  readonly tokenGroup?: number;
}

export async function runDev(flags: DevFlags, io: Io): Promise<number> {
  const stop = new AbortController();
  void untilStopped().then(() => stop.abort());
  await dev({
    workloads: parseDevWorkloads(flags.workload),
    port: flags.port,
    writeEnv: flags.writeEnv,
    stateDir: flags.stateDir,
    tokenGroup: flags.tokenGroup,
    out: io.out,
    // The variables are what one wants to read; every vend beside them is for `serve`.
    log: await cliLogger(io.env, 'warn'),
    signal: stop.signal,
  });
  return 0;
}

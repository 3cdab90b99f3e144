/**
 * One workload of a configuration, by the name that the command line gave.
 *
 * @module
 */

import { loadConfig } from '../config/load.ts';
import type { OneWorkload } from '../config/one-workload.ts';
import type { Config, WorkloadConfig } from '../config/types.ts';
import { UsageError } from '../lib/errors.ts';
import { nearest } from '../lib/nearest.ts';

/**
 * @param needs an exchange of its own, or only what its SDK shows at an endpoint: what else the configuration names may be
 *   out of reach for the user of the command
 * @returns the configuration of this workload alone
 * @throws ConfigError; UsageError where no workload has the name, with the nearest that there is
 */
export async function workloadOf(
  name: string,
  file: string,
  env: NodeJS.ProcessEnv,
  needs: OneWorkload['for'],
): Promise<{ config: Config; found: WorkloadConfig }> {
  const config = await loadConfig(file, { env, only: { workload: name, for: needs } });
  const found = config.workloads.get(name);
  if (found !== undefined) return { config, found };
  const names = [...config.workloads.keys()];
  const near = nearest(name, names);
  const hint = near === undefined ? `it has ${names.join(', ') || 'none'}` : `did you mean ${near}?`;
  throw new UsageError(`${file}: no workload is called "${name}"; ${hint}`);
}

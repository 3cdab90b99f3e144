/**
 * The configuration as a command for one workload needs it (`exec`, `credentials`, `env`). Its user may lack the variables and
 * files of the other workloads, and those of listeners that it doesn't open.
 *
 * Only the surroundings of the file are checked more mildly: a variable that isn't set, an unreadable file. A mistake in the
 * file itself stays an error. Everything that decides whose credentials these are is needed as ever.
 *
 * @module
 */

import type { Path } from './issues.ts';
import type { Config } from './types.ts';

export interface OneWorkload {
  readonly workload: string;
  /** An exchange of its own, which writes to the audit log; or only what its SDK shows at an endpoint that runs elsewhere. */
  readonly for: 'exchange' | 'endpoint';
}

/** What a workload presents to authenticate. A command that makes the exchange itself presents nothing. */
const PRESENTED: ReadonlySet<unknown> = new Set(['token_file', 'token_env', 'relative_uri', 'bearer_file']);
/** Sections that only `serve` needs. */
const OF_SERVE: ReadonlySet<unknown> = new Set(['broker', 'admin', 'callers']);

/** Whether what stands at `path` has to be within reach; always, where nothing narrows it. */
export function isNeeded(only: OneWorkload | undefined, path: Path): boolean {
  if (only === undefined) return true;
  const [section, name, key] = path;
  if (section === 'workloads') return name === only.workload && !(only.for === 'exchange' && PRESENTED.has(key));
  if (section === 'endpoint') return name !== 'tls' || (key !== 'cert_file' && key !== 'key_file');
  return !OF_SERVE.has(section);
}

/** That workload alone, and nothing of the listeners that belong to others. The same where there is no such workload. */
export function narrowed(config: Config, only: OneWorkload | undefined): Config {
  const found = only && config.workloads.get(only.workload);
  if (found === undefined) return config;
  const { broker: _broker, ...rest } = config;
  const { token: _token, ...admin } = config.admin;
  return {
    ...rest,
    admin,
    workloads: new Map([[found.workload.name, found]]),
    defaults: { ...config.defaults, identityToken: found.workload.identityToken },
    callers: { jwt: [] },
  };
}

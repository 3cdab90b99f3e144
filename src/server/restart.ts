/**
 * Which parts of a changed configuration a running process can't take over: what it has open.
 *
 * @module
 */
import type { Config } from '../config/types.ts';

/** @returns the keys that differ and need a restart; everything else takes effect at once */
export function needsRestart(before: Config, after: Config): string[] {
  const parts: [string, unknown, unknown][] = [
    ['region', before.region, after.region],
    ['state_dir', before.stateDir, after.stateDir],
    ['sts', before.sts, after.sts],
    ['audit.database', before.audit, after.audit],
    ['endpoint.listen', before.endpoint.listen, after.endpoint.listen],
    ['endpoint.tls', before.endpoint.tls, after.endpoint.tls],
    ['admin.listen', before.admin.listen, after.admin.listen],
    ['admin.tls', before.admin.tls, after.admin.tls],
    ['broker.listen', before.broker?.listen, after.broker?.listen],
    ['broker.tls', before.broker?.tls, after.broker?.tls],
  ];
  return parts.filter(([, a, b]) => JSON.stringify(a) !== JSON.stringify(b)).map(([key]) => key);
}

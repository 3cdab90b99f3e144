/**
 * Finds the changed settings that a running process can't apply, such as what it has open.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/types.ts';

/** Takes effect with the reload. */
const LIVE = null;

/** For each key either {@link LIVE}, or the document's key that is named where a restart is needed, or the same for its parts. */
type Effects<T> = { readonly [K in keyof Required<T>]: typeof LIVE | string | Effects<NonNullable<T[K]>> };

/** A new setting doesn't compile until it has an entry here. */
const EFFECTS: Effects<Config> = {
  file: LIVE,
  name: LIVE,
  stateDir: 'state_dir',
  region: 'region',
  walletTag: LIVE,
  endpoint: {
    listen: 'endpoint.listen',
    tls: 'endpoint.tls',
    allowRemote: LIVE,
    extraHosts: LIVE,
    allowFrom: LIVE,
    tokenOverlapMs: LIVE,
    maxConnections: LIVE,
  },
  defaults: LIVE,
  workloads: LIVE,
  callers: LIVE,
  egressProxy: 'egress_proxy',
  sts: 'sts',
  broker: {
    listen: 'broker.listen',
    tls: 'broker.tls',
    allowRemote: LIVE,
    mintAwsCreds: LIVE,
    extraHosts: LIVE,
    maxConnections: LIVE,
  },
  admin: {
    listen: 'admin.listen',
    tls: 'admin.tls',
    allowRemote: LIVE,
    token: LIVE,
    open: LIVE,
    maxConnections: LIVE,
  },
  audit: 'audit.database',
  keyFolders: LIVE,
  sources: LIVE,
  warnings: LIVE,
};

/** @returns the keys that differ and need a restart; everything else takes effect at once */
export function needsRestart(before: Config, after: Config): string[] {
  return [...differing(EFFECTS, before, after)];
}

function* differing(effects: object, before: unknown, after: unknown): Generator<string> {
  for (const [key, effect] of Object.entries(effects)) {
    const [was, is] = [before, after].map(of => (of as Record<string, unknown> | undefined)?.[key]);
    if (effect === LIVE) continue;
    if (typeof effect === 'object') yield* differing(effect, was, is);
    else if (!isDeepStrictEqual(was, is)) yield effect;
  }
}

/**
 * The composition root: a configuration in, running listeners out. Every floor is made here once, and nothing else knows
 * all of them.
 *
 * @module
 */
import { createAuditLog } from '../audit/create-log.ts';
import type { AuditLog } from '../audit/log.ts';
import { Sources } from '../config/sources.ts';
import type { Config } from '../config/types.ts';
import { createExchange } from '../credentials/sts/create-exchange.ts';
import { createVending, type Vending, type WorkloadStatus } from '../credentials/vending.ts';
import { createAdminApp } from '../http/admin/index.ts';
import { createEndpoint } from '../http/endpoint/index.ts';
import { formatAddress } from '../http/listen-error.ts';
import { createIdentityTokenSource, createKeyStores, type KeyStores } from '../identity-token/source.ts';
import type { ListenAddress } from '../lib/addresses.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { ConfigError } from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { probeReachable } from '../lib/reachable.ts';
import { createDoors } from './authenticators.ts';
import { checksOf } from './health.ts';
import { issuerOf, type ListenerName, type Listeners, openListeners } from './listeners.ts';
import { createRejectedAudit } from './rejected-audit.ts';
import { needsRestart } from './restart.ts';

export interface SidecarOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  /** Which listeners to open; default: all that the configuration has. */
  readonly listeners?: readonly ListenerName[];
}

/** The addresses of a listener, first the plain ones. */
export interface Listening {
  /** Of the first address. */
  readonly url: string;
  /** Of every address. */
  readonly urls: readonly string[];
  readonly addresses: readonly ListenAddress[];
}

/** A running sidecar. */
export interface Sidecar {
  /** Where each listener really listens. */
  readonly endpoint?: Listening;
  readonly broker?: Listening;
  readonly admin?: Listening;
  readonly vending: Vending;
  readonly auditLog: AuditLog;
  status(): readonly WorkloadStatus[];
  /** Resolves once every workload with `prefetch` has had credentials. */
  ready(options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * What of another configuration is found out by more than reading it: whether each folder of signing keys has one that
   * can sign. For {@link Sidecar.update}, which takes whatever it is given.
   *
   * @throws ConfigError
   */
  check(config: Config): Promise<void>;
  /** Swaps the configuration at once, in one turn: a request sees the old one or the new one, never a mixture. */
  update(config: Config): void;
  /** Stops accepting, lets what is in flight end for up to `graceMs` (5,000), writes what the audit log still holds. */
  close(graceMs?: number): Promise<void>;
}

/**
 * @throws ConfigError where no key can sign; ListenFailed; StoreError where the audit log's database can't be used
 */
export async function createSidecar(initial: Config, options: SidecarOptions): Promise<Sidecar> {
  const { log, clock = systemClock } = options;
  let config = initial;
  const metrics = createMetrics();
  // A sidecar without one starts without its code.
  const broker = config.broker && (await import('./broker-app.ts'));
  const keys = createKeyStores({ clock, log });
  // Held from now on: a file that goes bad later doesn't take a good key away.
  await requireKeys(config, async (...of) => (await keys(...of).begin()).signer(clock.wall()));
  const exchange = createExchange({ sts: config.sts, region: config.region, clock, log });
  // The SDK is loaded while the audit log's database is opened, which another thread does.
  const opening = createAuditLog(config.audit, { clock, log, stateDir: config.stateDir });
  void exchange.preload();
  const auditLog = await opening.catch(error => {
    exchange.close();
    throw error;
  });
  const tokens = createIdentityTokenSource({ clock, log, keys });
  const vending = createVending({ clock, exchange, tokens, auditLog, log, metrics });
  const doors = createDoors(config, { clock, log });
  const probe = probeReachable(config.sts.endpoint, clock);
  metrics.onCollect(() =>
    vending.status().map(({ name, state, secondsLeft }) => ({ workload: name, state, secondsLeft })),
  );
  const checks = () =>
    checksOf({ config: () => config, auditLog, keys, doors: () => doors.problems(), sts: () => probe.problem });
  const notes = createRejectedAudit(auditLog, clock);

  const apps = {
    endpoint: createEndpoint({
      resolver: doors.endpoint,
      relative: doors.relative,
      vending,
      clock,
      log,
      metrics,
      refused: notes.endpoint,
    }),
    admin: createAdminApp({
      access: () => config.admin,
      status: () => vending.status(),
      checks,
      metrics,
      log,
    }),
    ...(broker && {
      broker: broker.brokerApp({ config: () => config, doors, vending, auditLog, keys, clock, log, checks }),
    }),
  };

  let listeners: Listeners;
  try {
    listeners = await openListeners({
      config,
      which: options.listeners ?? ['endpoint', 'broker', 'admin'],
      apps,
      refused: (listener, code) => {
        if (listener === 'endpoint') metrics.request('-', code);
        log.info({ listener, code }, 'refused');
      },
      log,
    });
  } catch (error) {
    probe.close();
    doors.close();
    await vending.close();
    exchange.close();
    await auditLog.close();
    throw error;
  }
  // Listeners first, then the first exchanges: the endpoint answers from its first millisecond, if only with a 503.
  vending.reconcile([...config.workloads.values()]);

  return {
    ...shown(listeners),
    vending,
    auditLog,
    status: () => vending.status(),
    ready: ({ signal } = {}) => untilReady(() => vending.status(), clock, signal),
    check: next => requireKeys(next, async (...of) => (await keys(...of).current()).signer(clock.wall())),
    update(next) {
      for (const key of needsRestart(initial, next)) log.warn({ key }, 'this change takes effect at the next start');
      config = next;
      // Proofs are judged anew by the new configuration: what was made from one before is fetched again.
      vending.reconcile([...next.workloads.values()]);
      doors.update(next);
      listeners.update(next);
    },
    async close(graceMs = 5_000) {
      probe.close();
      doors.close();
      await listeners.close(graceMs);
      await vending.close();
      exchange.close();
      await auditLog.close();
    },
  };
}

/** Every folder of signing keys has one that can sign now; found out before anything is opened, or taken over. */
async function requireKeys(config: Config, signer: (...of: Parameters<KeyStores>) => Promise<unknown>): Promise<void> {
  const file = config.name ?? config.file ?? 'configuration';
  const sources = [config.defaults.identityToken, ...[...config.workloads.values()].map(w => w.workload.identityToken)];
  const folders = new Map(
    sources.flatMap(source => (source.kind === 'signer' ? [[source.keysDir, source.purpose] as const] : [])),
  );
  for (const [dir, purpose] of folders) {
    try {
      await signer(dir, purpose);
    } catch (error) {
      const place = config.keyFolders?.get(dir) ?? { key: 'identity_token.signer.keys_dir' };
      // The folder as one of its own entries: what comes into it is a reason to look again.
      const sources = new Sources(config.sources);
      sources.add(`${dir}/.`);
      throw new ConfigError(file, [{ ...place, message: errorFields(error).message }], sources);
    }
  }
  if (config.broker !== undefined && issuerOf(config) === undefined) {
    const message = 'a broker signs by itself: give the top level an identity_token.signer';
    throw new ConfigError(file, [{ key: 'broker', message }], config.sources);
  }
}

type Shown = Pick<Sidecar, 'endpoint' | 'broker' | 'admin'>;

function shown(listeners: Listeners): Shown {
  const made: { -readonly [name in ListenerName]?: Shown[name] } = {};
  for (const name of ['endpoint', 'broker', 'admin'] as const) {
    const addresses = listeners[name]?.addresses ?? [];
    const urls = addresses.map(address => `${address.tls ? 'https' : 'http'}://${formatAddress(address)}`);
    if (urls[0] !== undefined) made[name] = { url: urls[0], urls, addresses };
  }
  return made as Shown;
}

const LOOK_EVERY_MS = 20;

function untilReady(status: () => readonly WorkloadStatus[], clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (signal?.aborted) reject(signal.reason);
      else if (status().every(({ prefetch, hadCredentials }) => !prefetch || hadCredentials)) resolve();
      else clock.schedule(look, LOOK_EVERY_MS);
    };
    look();
  });
}

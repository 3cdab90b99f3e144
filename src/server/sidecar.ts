/**
 * The composition root: takes a configuration, and makes every layer and the running listeners.
 *
 * @module
 */
import { createAuditLog } from '../audit/create-log.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Config } from '../config/types.ts';
import { createExchange } from '../credentials/sts/create-exchange.ts';
import { createVending, type Vending, type WorkloadStatus } from '../credentials/vending.ts';
import { createAdminApp } from '../http/admin/index.ts';
import { createEndpoint } from '../http/endpoint/index.ts';
import { formatAddress } from '../http/listen-error.ts';
import { createIdentityTokenSource, createKeyStores } from '../identity-token/source.ts';
import type { ListenAddress } from '../lib/addresses.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { probeReachable } from '../lib/reachable.ts';
import { createRefusalLog } from '../lib/refusal-log.ts';
import { checksOf } from './health.ts';
import { type ListenerName, type Listeners, openListeners } from './listeners.ts';
import { createRejectedAudit } from './rejected-audit.ts';
import { requireKeys } from './require-keys.ts';
import { needsRestart } from './restart.ts';
import { buildSnapshot, currentAuthenticator, type Snapshot } from './snapshot.ts';

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
  /** The configuration that is in force. */
  readonly config: Config;
  /**
   * Applies another configuration, one call after the other. It is checked and built as a whole, then takes effect at once: a
   * request sees the old one or the new one.
   *
   * @throws ConfigError where a folder of signing keys has none that can sign; nothing has changed then
   */
  apply(config: Config): Promise<void>;
  /** Stops accepting, lets what is in flight end for up to `graceMs` (5,000), writes what the audit log still holds. */
  close(graceMs?: number): Promise<void>;
}

/**
 * @throws ConfigError where no key can sign; ListenFailed; StoreError where the audit log's database can't be used
 */
export async function createSidecar(initial: Config, options: SidecarOptions): Promise<Sidecar> {
  const { log, clock = systemClock } = options;
  const metrics = createMetrics();
  // Loaded only where it is configured.
  const broker = initial.broker && (await import('./broker-app.ts'));
  const keys = createKeyStores({ clock, log });
  // The keys are kept: a file that is damaged later doesn't remove a usable key.
  await requireKeys(initial, async (...of) => (await keys(...of).begin()).activeKey(clock.wall()));
  const exchange = createExchange({ sts: initial.sts, region: initial.region, clock, log });
  // The SDK is loaded while the audit log's database is opened, which another thread does.
  const opening = createAuditLog(initial.audit, { clock, log, stateDir: initial.stateDir });
  void exchange.preload();
  const auditLog = await opening.catch(error => {
    exchange.close();
    throw error;
  });
  const tokens = createIdentityTokenSource({ clock, log, keys });
  const vending = createVending({ clock, exchange, tokens, auditLog, log, metrics });
  let snapshot: Snapshot = await buildSnapshot(initial, { clock, log });
  const current = () => snapshot;
  const probe = probeReachable(initial.sts.endpoint, clock, initial.sts.proxy);
  metrics.onCollect(() =>
    vending.status().map(({ name, state, secondsLeft }) => ({ workload: name, state, secondsLeft })),
  );
  const checks = () =>
    checksOf({
      config: snapshot.config,
      auditLog,
      keys,
      callers: snapshot.authenticators.problems(),
      sts: probe.problem,
    });
  const notes = createRejectedAudit(auditLog, clock);
  const logRefusal = createRefusalLog({ log, clock });

  const apps = {
    endpoint: createEndpoint({
      authenticator: currentAuthenticator('endpoint', current, clock),
      relative: (id, remoteAddress) => snapshot.authenticators.relative(id, remoteAddress),
      vending,
      clock,
      log,
      metrics,
      refused: notes.endpoint,
    }),
    admin: createAdminApp({
      access: () => snapshot.config.admin,
      status: () => vending.status(),
      checks,
      metrics,
      log,
    }),
    ...(broker && {
      broker: broker.brokerApp({ snapshot: current, vending, auditLog, keys, clock, log, checks }),
    }),
  };

  let listeners: Listeners;
  try {
    listeners = await openListeners({
      snapshot,
      which: options.listeners ?? ['endpoint', 'broker', 'admin'],
      apps,
      refused: (listener, code) => {
        if (listener === 'endpoint') metrics.request('-', code);
        logRefusal(`${listener} ${code}`, { listener, code });
      },
      log,
    });
  } catch (error) {
    probe.close();
    snapshot.authenticators.close();
    await vending.close();
    exchange.close();
    await auditLog.close();
    throw error;
  }
  // The listeners open before the first exchanges, so the endpoint answers from the start, with a 503 at first.
  vending.reconcile([...initial.workloads.values()]);

  let closed = false;
  let applying: Promise<void> = Promise.resolve();

  async function takeOver(config: Config): Promise<void> {
    await requireKeys(config, async (...of) => (await keys(...of).current()).activeKey(clock.wall()));
    const previous = snapshot;
    const next = await buildSnapshot(config, { clock, log }, previous);
    if (closed) return next.authenticators.close();
    for (const key of needsRestart(initial, config)) log.warn({ key }, 'this change takes effect at the next start');
    // No await from here on: requests see the whole change.
    snapshot = next;
    vending.reconcile([...config.workloads.values()], workload => next.authenticators.makes(workload));
    listeners.apply(next.listeners);
    previous.authenticators.close(next.authenticators);
  }

  return {
    ...shown(listeners),
    vending,
    auditLog,
    status: () => vending.status(),
    ready: ({ signal } = {}) => untilReady(() => vending.status(), clock, signal),
    get config() {
      return snapshot.config;
    },
    apply(config) {
      const done = applying.then(() => takeOver(config));
      applying = done.catch(() => undefined);
      return done;
    },
    async close(graceMs = 5_000) {
      closed = true;
      probe.close();
      snapshot.authenticators.close();
      await listeners.close(graceMs);
      await vending.close();
      exchange.close();
      await auditLog.close();
    },
  };
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

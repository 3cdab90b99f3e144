/**
 * Opens the listeners that a configuration switches on, each with its own policy.
 *
 * @module
 */
import type { Hono } from 'hono';
import type { Config } from '../config/types.ts';
import { adminPolicy } from '../http/admin/policy.ts';
import { serializeBrokerError } from '../http/broker/errors.ts';
import { brokerPolicy } from '../http/broker/policy.ts';
import type { Endpoint } from '../http/endpoint/index.ts';
import { endpointPolicy } from '../http/endpoint/policy.ts';
import { type Listener, type ListenerChange, startListener } from '../http/listener.ts';
import { type AppEnv, functionHandler, honoHandler } from '../http/node-adapter.ts';
import { serializeError } from '../http/response.ts';
import type { Logger } from '../lib/log.ts';

const LISTENERS = ['endpoint', 'broker', 'admin'] as const;
export type ListenerName = (typeof LISTENERS)[number];

export interface Listeners {
  readonly endpoint?: Listener;
  readonly broker?: Listener;
  readonly admin?: Listener;
  /** Takes effect with the next request; no connection is dropped. */
  apply(settings: ListenerSettings): void;
  close(graceMs: number): Promise<void>;
}

/** What may change while the listeners are open. */
export type ListenerSettings = {
  readonly [name in ListenerName]?: Required<Pick<ListenerChange, 'policy' | 'maxConnections'>> & ListenerChange;
};

export function listenerSettings(config: Config): ListenerSettings {
  const { endpoint, broker, admin } = config;
  return {
    endpoint: {
      policy: endpointPolicy(endpoint),
      allowFrom: endpoint.allowFrom,
      maxConnections: endpoint.maxConnections,
    },
    ...(broker && {
      broker: { policy: brokerPolicy(broker, issuerOf(config)), maxConnections: broker.maxConnections },
    }),
    admin: { policy: adminPolicy(admin), maxConnections: admin.maxConnections },
  };
}

export interface ListenersOptions {
  readonly snapshot: { readonly config: Config; readonly listeners: ListenerSettings };
  readonly which: readonly ListenerName[];
  readonly apps: {
    readonly endpoint: Endpoint;
    readonly broker?: Hono<AppEnv> | undefined;
    readonly admin: Hono<AppEnv>;
  };
  /** Told of a refusal by request validation or by node's parser. */
  readonly refused: (listener: ListenerName, code: string) => void;
  readonly log: Logger;
}

/** Opens all of them, or none. @throws ListenFailed, TlsFilesUnusable */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { snapshot, which, apps, refused, log } = options;
  const { config, listeners: settings } = snapshot;
  const opened: Partial<Record<ListenerName, Listener>> = {};
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(Object.values(opened).map(listener => listener.close(graceMs)));
  };
  const handlers = {
    endpoint: functionHandler(apps.endpoint),
    broker: apps.broker && honoHandler(apps.broker, serializeBrokerError),
    admin: honoHandler(apps.admin, serializeError),
  };
  try {
    for (const name of LISTENERS) {
      const handler = handlers[name];
      const addresses = config[name];
      const change = settings[name];
      if (!which.includes(name) || handler === undefined || addresses === undefined || change === undefined) continue;
      const { policy, allowFrom, maxConnections } = change;
      opened[name] = await startListener({
        name,
        listen: addresses.listen,
        tls: addresses.tls,
        policy,
        allowFrom,
        limits: { maxConnections },
        serializeError: name === 'broker' ? serializeBrokerError : serializeError,
        handler,
        refused: code => refused(name, code),
        log,
      });
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    ...opened,
    apply(next) {
      for (const name of LISTENERS) if (next[name] !== undefined) opened[name]?.update(next[name]);
    },
    close,
  };
}

/** The issuer whose documents the broker serves: the top level's signer. */
export function issuerOf({ defaults }: Config): string | undefined {
  return defaults.identityToken.kind === 'signer' ? defaults.identityToken.issuer : undefined;
}

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
import { type Listener, startListener } from '../http/listener.ts';
import { type AppEnv, functionHandler, honoHandler } from '../http/node-adapter.ts';
import { serializeError } from '../http/response.ts';
import type { Logger } from '../lib/log.ts';

export type ListenerName = 'endpoint' | 'broker' | 'admin';

export interface Listeners {
  readonly endpoint?: Listener;
  readonly broker?: Listener;
  readonly admin?: Listener;
  update(config: Config): void;
  close(graceMs: number): Promise<void>;
}

export interface ListenersOptions {
  readonly config: Config;
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
  const { config, which, apps, refused, log } = options;
  const opened: Partial<Record<ListenerName, Listener>> = {};
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(Object.values(opened).map(listener => listener.close(graceMs)));
  };
  const common = (name: ListenerName) => ({ name, log, refused: (code: string) => refused(name, code) });
  try {
    if (which.includes('endpoint')) {
      const { listen, tls, allowFrom, maxConnections } = config.endpoint;
      opened.endpoint = await startListener({
        ...common('endpoint'),
        listen,
        tls,
        allowFrom,
        limits: { maxConnections },
        policy: endpointPolicy(config.endpoint),
        serializeError,
        handler: functionHandler(apps.endpoint),
      });
    }
    if (which.includes('broker') && apps.broker !== undefined && config.broker !== undefined) {
      opened.broker = await startListener({
        ...common('broker'),
        listen: config.broker.listen,
        tls: config.broker.tls,
        limits: { maxConnections: config.broker.maxConnections },
        policy: brokerPolicy(config.broker, issuerOf(config)),
        serializeError: serializeBrokerError,
        handler: honoHandler(apps.broker, serializeBrokerError),
      });
    }
    if (which.includes('admin')) {
      opened.admin = await startListener({
        ...common('admin'),
        listen: config.admin.listen,
        tls: config.admin.tls,
        limits: { maxConnections: config.admin.maxConnections },
        policy: adminPolicy(config.admin),
        serializeError,
        handler: honoHandler(apps.admin, serializeError),
      });
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    ...opened,
    update(next) {
      const { endpoint } = next;
      const { allowFrom, maxConnections } = endpoint;
      opened.endpoint?.update({ policy: endpointPolicy(endpoint), allowFrom, maxConnections });
      if (next.broker !== undefined) {
        const { maxConnections } = next.broker;
        opened.broker?.update({ policy: brokerPolicy(next.broker, issuerOf(next)), maxConnections });
      }
      opened.admin?.update({ policy: adminPolicy(next.admin), maxConnections: next.admin.maxConnections });
    },
    close,
  };
}

/** Whose documents the broker serves: the top level's signer's. */
export function issuerOf({ defaults }: Config): string | undefined {
  return defaults.identityToken.kind === 'signer' ? defaults.identityToken.issuer : undefined;
}

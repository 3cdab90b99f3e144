/**
 * Opens the listeners that a configuration switches on, each an app behind its own policy.
 *
 * @module
 */
import type { Config } from '../config/types.ts';
import { adminPolicy } from '../http/admin/policy.ts';
import { brokerErrorForm } from '../http/broker/errors.ts';
import { brokerPolicy } from '../http/broker/policy.ts';
import { endpointPolicy } from '../http/endpoint/policy.ts';
import { type Listener, startListener } from '../http/listener.ts';
import { type App, direct, type Handler, viaNodeServer } from '../http/node-adapter.ts';
import { credentialsErrorForm } from '../http/response.ts';
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
  readonly apps: { readonly [name in ListenerName]?: App };
  /** A refusal in front of any app. */
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
    if (which.includes('endpoint') && apps.endpoint !== undefined) {
      const { listen, tls, allowFrom, maxConnections } = config.endpoint;
      opened.endpoint = await startListener({
        ...common('endpoint'),
        listen,
        tls,
        allowFrom,
        limits: { maxConnections },
        policy: endpointPolicy(config.endpoint),
        errorForm: credentialsErrorForm,
        handler: direct(apps.endpoint, error => credentialsErrorForm(error, [])),
      });
    }
    if (which.includes('broker') && apps.broker !== undefined && config.broker !== undefined) {
      opened.broker = await startListener({
        ...common('broker'),
        listen: config.broker.listen,
        tls: config.broker.tls,
        limits: { maxConnections: config.broker.maxConnections },
        policy: brokerPolicy(config.broker, issuerOf(config)),
        errorForm: brokerErrorForm,
        handler: web(apps.broker, brokerErrorForm),
      });
    }
    if (which.includes('admin') && apps.admin !== undefined) {
      opened.admin = await startListener({
        ...common('admin'),
        listen: config.admin.listen,
        tls: config.admin.tls,
        limits: { maxConnections: config.admin.maxConnections },
        policy: adminPolicy(config.admin),
        errorForm: credentialsErrorForm,
        handler: web(apps.admin, credentialsErrorForm),
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

function web(app: App, form: typeof credentialsErrorForm): Handler {
  return viaNodeServer(app, error => form(error, []));
}

/** Whose documents the broker serves: the top level's signer's. */
export function issuerOf({ defaults }: Config): string | undefined {
  return defaults.identityToken.kind === 'signer' ? defaults.identityToken.issuer : undefined;
}

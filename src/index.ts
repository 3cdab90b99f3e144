/**
 * The library: the sidecar of `walletcreds serve`, the STS emulator of `walletcreds dev`, and both together for tests.
 *
 * @example
 * ```ts
 * import { createSidecar, startStsEmulator } from 'walletcreds';
 *
 * await using sidecar = await createSidecar({ config: 'walletcreds.yaml' });
 * console.log(sidecar.endpoint.url); // http://127.0.0.1:9110
 * ```
 *
 * @module
 */

import { configFromObject, loadConfig } from './config/load.ts';
import { reloadOnChange } from './config/reload.ts';
import type { Config } from './config/types.ts';
import { systemClock } from './lib/clock.ts';
import { createLogger } from './lib/create-logger.ts';
import { WalletcredsError } from './lib/errors.ts';
import type { LogLevel } from './lib/log-level.ts';
import { createSidecar as compose, type Sidecar } from './server/sidecar.ts';

export * from './emulator/index.ts';
export { ConfigError, type ConfigProblem, WalletcredsError } from './lib/errors.ts';
export { type RunningDev, type StartDevOptions, startDev } from './start-dev.ts';

export interface CreateSidecarOptions {
  /** The path of a `walletcreds.yaml`, or an object of the same shape and keys. */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** For `${env:…}` and `token_env`; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Where relative paths of an object begin; default the working directory. A file's begin at the file. */
  readonly baseDir?: string;
  /** Default `silent`. JSON lines to stderr, or to `logTo`. */
  readonly logLevel?: LogLevel;
  readonly logTo?: { write(line: string): void };
  /** Reload a file when it changes; default false. */
  readonly watch?: boolean;
  /** As in `walletcreds dev`: signing keys of purpose `dev`, an open admin listener on loopback. Objects only. */
  readonly dev?: boolean;
}

/** Where a listener really listens: a port 0 of the configuration is the chosen one here. */
export interface ListenerInfo {
  readonly url: string;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

/** A running sidecar. */
export interface RunningSidecar extends AsyncDisposable {
  readonly endpoint: ListenerInfo;
  readonly admin: ListenerInfo;
  readonly broker: ListenerInfo | undefined;
  /** What each workload's container shows at the endpoint, by name. Secrets. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Resolves once every workload with `prefetch` has had credentials. */
  ready(options?: { signal?: AbortSignal }): Promise<void>;
  /** Reads the configuration again, or applies another object. @throws ConfigError; the old one stays in force then */
  reload(config?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Stops accepting, lets requests end for up to `graceMs` (5,000), writes what is left for the audit log. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts the listeners of a configuration in this process.
 *
 * @throws ConfigError with every finding; ListenFailed where an address can't be opened
 */
export async function createSidecar(options: CreateSidecarOptions): Promise<RunningSidecar> {
  const { env = process.env, logLevel = 'silent', logTo } = options;
  const log = createLogger({ level: logLevel, ...(logTo === undefined ? {} : { destination: logTo }) });
  const objectOptions = {
    env,
    ...(options.baseDir === undefined ? {} : { baseDir: options.baseDir }),
    ...(options.dev === undefined ? {} : { dev: options.dev }),
  };
  const read = (from: CreateSidecarOptions['config'], running?: Config['sources']): Promise<Config> =>
    typeof from === 'string'
      ? loadConfig(from, { env, ...(from === options.config && running !== undefined ? { running } : {}) })
      : configFromObject(from, objectOptions);
  let initial: Config;
  let sidecar: Sidecar;
  try {
    initial = await read(options.config);
    sidecar = await compose(initial, { log });
  } catch (error) {
    throw forCaller(error, createSidecar);
  }
  const watcher =
    options.watch === true && typeof options.config === 'string'
      ? reloadOnChange({
          config: initial,
          read: running => read(options.config, running),
          apply: sidecar.apply,
          clock: systemClock,
          log,
        })
      : undefined;
  let reloading: Promise<void> = Promise.resolve();
  const close = async (graceMs?: number): Promise<void> => {
    watcher?.close();
    await sidecar.close(graceMs);
  };
  const none: ListenerInfo = { url: '', addresses: [] };
  return {
    endpoint: sidecar.endpoint ?? none,
    admin: sidecar.admin ?? none,
    broker: sidecar.broker,
    get tokens() {
      const entries = [...sidecar.config.workloads].flatMap(([name, { token }]) =>
        token === undefined ? [] : [[name, token.value]],
      );
      return Object.fromEntries(entries) as Record<string, string>;
    },
    ready: sidecar.ready,
    // One after the other, so that the last one wins.
    reload(next) {
      const done = reloading.then(async () =>
        sidecar.apply(await read(next ?? options.config, sidecar.config.sources)),
      );
      reloading = done.catch(() => undefined);
      return done;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/**
 * An error whose stack begins at the caller's own line: node prints that line above an uncaught error, and its fields below.
 *
 * @param entry the function that the caller called
 */
function forCaller(error: unknown, entry: (options: CreateSidecarOptions) => unknown): unknown {
  if (error instanceof WalletcredsError) {
    Error.captureStackTrace(error, entry);
    for (const key of Object.keys(error)) Object.defineProperty(error, key, { enumerable: false });
  }
  return error;
}

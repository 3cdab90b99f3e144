/**
 * Reload: a changed configuration is read and checked whole, then swapped in at once; a bad one changes nothing and says
 * so.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { ConfigError } from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { loadConfig } from './load.ts';
import type { Config } from './types.ts';
import { watchConfig } from './watch.ts';

export interface ReloadOptions {
  readonly file: string;
  /** The one that runs now. */
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Logger;
  /** @throws ConfigError for one that can't be taken over */
  readonly check: (config: Config) => Promise<void>;
  /** Takes the new one over; synchronous, so that no request sees half of it. */
  readonly apply: (config: Config) => void;
}

export interface Reload {
  /** Reads and applies now; resolves when done, whether it was good or not. */
  now(reason: string): Promise<void>;
  close(): void;
}

export function reloadOnChange(options: ReloadOptions): Reload {
  const { file, env, clock, log, check, apply } = options;
  let { sources } = options.config;
  let running: Promise<void> = Promise.resolve();
  let closed = false;
  const watcher = watchConfig(options.config.sources, () => void reload('change'), { clock });

  async function once(reason: string): Promise<void> {
    if (closed) return;
    try {
      const config = await loadConfig(file, { env, running: sources });
      await check(config);
      if (closed) return;
      apply(config);
      for (const warning of config.warnings) log.warn(warning);
      log.info({ reason, workloads: config.workloads.size }, 'configuration reloaded');
      sources = config.sources;
      watcher.update(sources);
    } catch (error) {
      // What is wrong may be mended in a file that the one that runs doesn't have.
      if (error instanceof ConfigError) watcher.update(new Map([...error.sources, ...sources]));
      const problems = error instanceof ConfigError ? error.message.split('\n') : [errorFields(error).message];
      log.error({ reason, problems }, 'the changed configuration is refused; the one that runs goes on');
    }
  }

  /** One after the other, so that the last change wins. */
  function reload(reason: string): Promise<void> {
    running = running.then(() => once(reason));
    return running;
  }

  return {
    now: reload,
    close() {
      closed = true;
      watcher.close();
    },
  };
}

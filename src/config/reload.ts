/**
 * Reload: a changed configuration is read and checked whole, then taken over at once. A bad one changes nothing, and the log
 * says why.
 *
 * One reload runs at a time, and at most one waits: a hundred signals in a second are two reloads. A file that could not be
 * read counts as changed, so the watch tries it again.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { ConfigError } from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import type { Sources } from './sources.ts';
import type { Config } from './types.ts';
import { type ConfigWatch, watchConfig } from './watch.ts';

export interface ReloadOptions {
  /** The configuration that runs now. */
  readonly config: Config;
  /** Reads the configuration again. `running` are the files of the one that runs. @throws ConfigError */
  readonly read: (running: Sources) => Promise<Config>;
  /** Takes a configuration over; a request sees the old one or the new one. @throws ConfigError for an unusable one */
  readonly apply: (config: Config) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default {@link watchConfig}; a test can watch by hand. */
  readonly watch?: typeof watchConfig;
}

export interface Reload {
  /** Reads and applies; calls that come while a reload runs share the next one. Resolves when done, good or bad. */
  now(reason: string): Promise<void>;
  close(): void;
}

export function reloadOnChange(options: ReloadOptions): Reload {
  const { read, apply, clock, log, watch = watchConfig } = options;
  let { sources } = options.config;
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let closed = false;
  /** The findings that were logged last, so that a file that stays bad isn't logged every ten seconds. */
  let said = '';
  const watcher: ConfigWatch = watch(options.config.sources, () => void now('change'), { clock });

  async function once(reason: string): Promise<void> {
    if (closed) return;
    try {
      const config = await read(sources);
      await apply(config);
      // A process that stops took nothing over.
      if (closed) return;
      for (const warning of config.warnings) log.warn(warning);
      log.info({ reason, workloads: config.workloads.size }, 'configuration reloaded');
      sources = config.sources;
      said = '';
      watcher.update(sources);
    } catch (error) {
      const found = error instanceof ConfigError ? error.sources : new Map<string, string>();
      // A fix may come in a file that only the refused configuration names, or only the one that runs.
      watcher.update(found, sources.keys());
      const problems = error instanceof ConfigError ? error.message.split('\n') : [errorFields(error).message];
      if (reason === 'change' && problems.join('\n') === said) return;
      said = problems.join('\n');
      log.error({ reason, problems }, 'the changed configuration is refused; the one that runs goes on');
    }
  }

  function start(reason: string): Promise<void> {
    running = once(reason).finally(() => {
      running = undefined;
    });
    return running;
  }

  function now(reason: string): Promise<void> {
    if (running === undefined) return start(reason);
    waiting ??= running.then(() => {
      waiting = undefined;
      return start(reason);
    });
    return waiting;
  }

  return {
    now,
    close() {
      closed = true;
      watcher.close();
    },
  };
}

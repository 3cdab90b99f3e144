/**
 * Runs the program of `walletcreds exec`: its environment, its signals, its exit status.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { emptyProfiles, noMetadataService, OTHER_PROVIDERS } from './output/other-providers.ts';
import { inForeground } from './signals.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
/** A terminal sends these to the program itself. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);

export interface ExecOptions {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What the program gets beside its own environment: the `AWS_CONTAINER_*` pair, or static keys. */
  readonly added: Readonly<Record<string, string>>;
}

/**
 * Runs the program with this process's standard streams, passes signals on, and returns its exit status: its own, 128 + n
 * for signal n, 127 where it wasn't found, 126 where it can't be executed, as a shell would.
 */
export function runChild(options: ExecOptions, warn: (line: string) => void): Promise<number> {
  const [file, ...args] = options.command;
  if (file === undefined) return Promise.resolve(2);
  if (file === '') {
    warn('the name of the program is empty');
    return Promise.resolve(127);
  }
  const child = spawn(file, args, {
    stdio: 'inherit',
    env: childEnv(options.env, options.added),
  });
  const handlers = FORWARDED.map(signal => {
    const handler = () => void (FROM_TERMINAL.has(signal) && inForeground() ? undefined : child.kill(signal));
    process.on(signal, handler);
    return { signal, handler };
  });
  return new Promise<number>(resolve => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      warn(`${file}: ${error.code === 'ENOENT' ? 'not found' : reason(error)}`);
      resolve(error.code === 'ENOENT' ? 127 : 126);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  });
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  return code === 'EACCES' ? 'may not be executed by this user' : message;
}

/** A copy of `env` without other credential providers, and with `added`. */
function childEnv(env: NodeJS.ProcessEnv, added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = { ...env };
  for (const name of OTHER_PROVIDERS) delete child[name];
  return { ...child, ...noMetadataService('full'), ...emptyProfiles(env), ...added };
}

/**
 * Runs the program of `walletcreds exec`: its environment, its signals, its exit status.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { inForeground } from './signals.ts';

/** Variables that an SDK reads for credentials before the endpoint, or instead of it. */
const SHADOWING = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_ACCESS_KEY',
  'AWS_SECRET_KEY',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CREDENTIAL_FILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_BEARER_TOKEN_BEDROCK',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
] as const;

/** Files that an SDK reads before it asks the endpoint; `exec` points them at nothing. */
const NO_FILES = { AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_CONFIG_FILE: '/dev/null' };

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
    env: childEnv(options.env, { AWS_EC2_METADATA_DISABLED: 'true', ...NO_FILES, ...options.added }),
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

/** A copy of `env` without the variables of {@link SHADOWING}, and with `added`. */
function childEnv(env: NodeJS.ProcessEnv, added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = { ...env };
  for (const name of SHADOWING) delete child[name];
  return { ...child, ...added };
}

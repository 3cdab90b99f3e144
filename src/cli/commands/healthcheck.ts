/**
 * `walletcreds healthcheck`: asks a running process whether it is ready. It runs every few seconds, so it loads little.
 *
 * @module
 */
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import type { Command } from 'commander';
import type { AdminConfig } from '../../config/types.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io, Run } from '../io.ts';
import { configOption, withExamples } from '../options.ts';

const ADMIN = 'http://127.0.0.1:9112';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'compose.md', 'walletcreds healthcheck --workload scraper-a')
    .description('Asks a running process whether it is ready. For Docker’s HEALTHCHECK and exec probes.')
    .option('--workload <NAME>', 'only this workload')
    .option('--url <URL>', `the URL of its admin listener (default: the one of --config if given, else ${ADMIN})`)
    .addOption(configOption())
    .action(
      run(async ({ workload, url, config }: { workload?: string; url?: string; config: string }) => {
        // The variable is always set in the image, and a probe every few seconds should not read a whole configuration.
        const named = url === undefined && command.getOptionValueSource('config') === 'cli';
        const admin = named || workload !== undefined ? await adminOf(config, io, named) : undefined;
        const own = named && admin !== undefined ? urlOf(admin, config) : ADMIN;
        return healthcheck({ url: url ?? own, out: io.out, ...(workload && { workload, token: admin?.token?.value }) });
      }),
    );
}

/**
 * Only an operator may ask about one workload, with the admin token.
 *
 * @returns undefined where the configuration can't be read from here
 * @throws ConfigError for that where it is needed
 */
async function adminOf(file: string, io: Io, needed: boolean): Promise<AdminConfig | undefined> {
  const { loadConfig } = await import('../../config/load.ts');
  try {
    return (await loadConfig(file, { env: io.env, purpose: 'inspect' })).admin;
  } catch (error) {
    if (needed) throw error;
    return undefined;
  }
}

/** Plain http first. A wildcard is no address to connect to. */
function urlOf({ listen, tls }: AdminConfig, file: string): string {
  const [plain] = listen;
  const address = plain ?? tls?.listen[0];
  if (address === undefined) throw new UsageError(`${file}: admin.listen is empty, so there is nothing to ask`);
  const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host;
  return `${plain === undefined ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

export interface HealthcheckOptions {
  /** Of the admin listener. */
  readonly url: string;
  readonly workload?: string;
  /** The admin token, which a question about one workload needs. */
  readonly token?: string | undefined;
  /** ms; default 2,000, below Docker's default of 30 s and Kubernetes' of 1 s for most probes that set one. */
  readonly timeoutMs?: number;
  readonly out: (line: string) => void;
}

/** @returns the exit status: 0 ready, 1 not ready or not reached @throws UsageError for a URL that is none */
export async function healthcheck(options: HealthcheckOptions): Promise<number> {
  if (!/^https?:\/\//i.test(options.url) || !URL.canParse(options.url)) {
    throw new UsageError(`--url ${options.url}: not a URL; it reads ${ADMIN}`);
  }
  const url = new URL('/readyz', options.url);
  if (options.workload !== undefined) url.searchParams.set('workload', options.workload);
  const status = await get(url, options).catch((error: Error) => error);
  if (status === 200) {
    options.out('ready');
    return 0;
  }
  options.out(
    status instanceof Error
      ? `not reached at ${url.origin}: ${status.message}; is \`walletcreds serve\` running, and is this its admin listener (--url)?`
      : `not ready (${status} from ${url.origin}${url.pathname}); ${whereToLook(status, options.workload)}`,
  );
  return 1;
}

function whereToLook(status: number, workload: string | undefined): string {
  if (status === 401)
    return 'a question about one workload needs the admin token: name the configuration with --config';
  if (status === 404) return 'is this its admin listener (--url), and the workload one of the configuration?';
  const log = 'the log of the running process says why';
  return workload === undefined ? log : `${log}, unless it has no workload ${workload}`;
}

function get(url: URL, { token, timeoutMs = 2_000 }: HealthcheckOptions): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http)(
      url,
      { agent: false, headers, signal: AbortSignal.timeout(timeoutMs) },
      response => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.on('error', error =>
      reject(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? new Error(`no answer within ${timeoutMs} ms`)
          : error,
      ),
    );
    request.end();
  });
}

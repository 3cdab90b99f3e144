/**
 * `walletcreds env WORKLOAD`: the environment of its container.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { Config, WorkloadConfig } from '../../config/types.ts';
import { formatAddress } from '../../http/listen-error.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io, Run } from '../io.ts';
import { configOption, withExamples } from '../options.ts';
import { type ContainerEnvironment, variablesFor } from '../output/container-environment.ts';
import { envFileText } from '../output/env-file.ts';
import { shellEnvironment } from '../output/shell.ts';
import { workloadOf } from '../workload-of.ts';

type EnvFormat = 'shell' | 'docker' | 'json';

interface EnvFlags {
  readonly config: string;
  readonly relative?: boolean;
  readonly tokenFile?: boolean;
  readonly format: EnvFormat;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'clients.md',
    'eval "$(walletcreds env scraper-a)"',
    'walletcreds env scraper-a --format docker > scraper-a.env',
  )
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .description(
      'Prints the environment of a workload’s container. It has the token or the file of the token, never both, since SDKs differ when they see both.',
    )
    .addOption(configOption())
    .option('--relative', 'the RELATIVE_URI form, for clients that send no header (needs relative_uri)')
    .option('--token-file', 'name the token’s file instead of the token')
    .addOption(
      new Option('--format <FORMAT>', 'exports for a shell, KEY=value lines for docker, compose and systemd, or JSON')
        .choices(['shell', 'docker', 'json'])
        .default('shell'),
    )
    .action(run((workload: string, flags: EnvFlags) => printEnv(workload, flags, io)));
}

async function printEnv(name: string, flags: EnvFlags, io: Io): Promise<number> {
  const { config, found } = await workloadOf(name, flags.config, io.env, 'endpoint');
  const { region, walletTag } = config;
  const stsEndpoint = config.sts.endpointSource === 'region' ? {} : { stsEndpoint: config.sts.endpoint };
  const uri = flags.relative === true ? relative(found) : { fullUri: fullUri(config), ...tokenOf(found, flags) };
  const wallet = { tag: walletTag, value: found.workload.wallet };
  const variables = variablesFor({ ...uri, region, wallet, env: io.env, ...stsEndpoint });
  for (const line of linesOf(variables, flags.format, io)) io.out(line);
  return 0;
}

function linesOf(variables: Record<string, string>, format: EnvFormat, { env }: Io): string[] {
  switch (format) {
    case 'shell':
      return shellEnvironment(variables, env);
    case 'json':
      return [JSON.stringify(variables)];
    case 'docker':
      try {
        return envFileText(variables).trimEnd().split('\n');
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        throw new UsageError(`--format docker: ${error.message}; use --format json`);
      }
  }
}

type Uri = Pick<ContainerEnvironment, 'relativeUri' | 'fullUri' | 'token' | 'tokenFile'>;

/** The id alone authenticates: most clients that take this form send no header. */
function relative({ relativeUri, workload }: WorkloadConfig): Uri {
  if (relativeUri === undefined) {
    throw new UsageError(`workloads.${workload.name}: --relative needs relative_uri: { id_file: …, from: […] }`);
  }
  return { relativeUri: `/v2/credentials/${relativeUri.id}` };
}

function tokenOf({ token, workload }: WorkloadConfig, { tokenFile }: EnvFlags): Uri {
  if (token === undefined) {
    throw new UsageError(
      `workloads.${workload.name}: it has no token_file or token_env; it authenticates by what callers says`,
    );
  }
  if (tokenFile !== true) return { token: token.value };
  if (token.file === undefined) throw new UsageError(`workloads.${workload.name}: --token-file needs token_file`);
  return { tokenFile: token.file };
}

/** Plain http on loopback first, since that is the only form that every client takes; then link-local; then https. */
function fullUri({ endpoint }: Config): string {
  const rank = (host: string) => (host === '127.0.0.1' ? 0 : host === '::1' ? 1 : host.startsWith('169.254.') ? 2 : 3);
  const [plain] = [...endpoint.listen].sort((a, b) => rank(a.host) - rank(b.host));
  if (plain !== undefined && (rank(plain.host) < 3 || endpoint.tls === undefined)) {
    return `http://${formatAddress(reachable(plain))}/v1/credentials`;
  }
  const secure = endpoint.tls?.listen[0];
  if (secure === undefined) throw new UsageError('endpoint: it listens nowhere');
  const host = endpoint.extraHosts[0] ?? reachable(secure).host;
  return `https://${formatAddress({ host, port: secure.port })}/v1/credentials`;
}

/** A wildcard is no address to connect to. */
function reachable({ host, port }: { host: string; port: number }): { host: string; port: number } {
  return { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port };
}

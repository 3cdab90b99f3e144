/**
 * `walletcreds credentials WORKLOAD`: credentials once, to stdout.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, exchangeOnce } from '../once.ts';
import { configOption, endpointOption, withExamples } from '../options.ts';
import { type CredentialsFormat, formatCredentials } from '../output/credentials-format.ts';
import { workloadOf } from '../workload-of.ts';

interface CredentialsFlags {
  readonly config: string;
  readonly endpoint?: string;
  readonly format: CredentialsFormat;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'clients.md',
    'walletcreds credentials scraper-a',
    'credential_process = walletcreds credentials scraper-a --format process',
  )
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .description(
      'Makes one exchange, audited like every other, and prints the credentials. The format `process` is for credential_process in an AWS profile.',
    )
    .addOption(configOption())
    .addOption(
      new Option('--format <FORMAT>', 'the output').choices(['json', 'env', 'docker', 'process']).default('json'),
    )
    .addOption(endpointOption())
    .action(run((workload: string, flags: CredentialsFlags) => printCredentials(workload, flags, io)));
}

async function printCredentials(name: string, flags: CredentialsFlags, io: Io): Promise<number> {
  const needs = flags.endpoint === undefined ? 'exchange' : 'endpoint';
  const { config, found } = await workloadOf(name, flags.config, io.env, needs);
  const credentials =
    flags.endpoint === undefined
      ? await exchangeOnce(config, found, 'credentials', await cliLogger(io.env, 'warn'))
      : await askEndpoint(flags.endpoint, found);
  io.out(formatCredentials(credentials, flags.format));
  return 0;
}

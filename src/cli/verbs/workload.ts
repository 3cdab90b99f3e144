/**
 * `env`, `credentials`, `exec`: the verbs for one workload.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { Io, Run } from '../io.ts';
import type { CredentialsFormat } from '../output/credentials-format.ts';
import { configOption, url } from './options.ts';

export interface EndpointFlag {
  readonly config: string;
  readonly endpoint?: string;
}

const endpointOption = () =>
  new Option('--endpoint <URL>', 'ask a running `walletcreds serve` there instead of making an exchange').argParser(
    url,
  );

export function addWorkloadVerbs(program: Command, io: Io, run: Run): void {
  program
    .command('env')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .summary('print the exports for a workload of this configuration')
    .description(
      'Prints what a workload’s container needs in its environment.\nAlways exactly one of the token and the token file, since SDKs differ when they see both.',
    )
    .addOption(configOption())
    .option('--relative', 'the RELATIVE_URI form, for clients that send no header (needs relative_uri)')
    .option('--token-file', 'name the token’s file instead of the token')
    .action(
      run(async (workload: string, options: { config: string; relative?: boolean; tokenFile?: boolean }) => {
        const { printEnv } = await import('../commands/env.ts');
        return printEnv(workload, options, io);
      }),
    );

  program
    .command('credentials')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .summary('credentials once, to stdout')
    .description(
      'Makes one exchange, audited like every other, and prints the credentials.\n`--format process` is what credential_process in an AWS profile expects.',
    )
    .addOption(configOption())
    .addOption(new Option('--format <FORMAT>', 'how').choices(['json', 'env', 'process']).default('json'))
    .addOption(endpointOption())
    .action(
      run(async (workload: string, options: EndpointFlag & { format: CredentialsFormat }) => {
        const { printCredentials } = await import('../commands/credentials.ts');
        return printCredentials(workload, options, io);
      }),
    );

  program
    .command('exec')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .argument('<CMD...>', 'the program and its arguments')
    .usage('[options] WORKLOAD -- CMD...')
    .summary('run a program with an endpoint of its own')
    .description(
      'Runs CMD with the AWS_CONTAINER_* variables of an endpoint made for it, other AWS credential variables removed.\nPasses signals on, and exits as CMD does.',
    )
    .addOption(configOption())
    .option('--static-env', 'give it AWS_ACCESS_KEY_ID and so on, once: for programs that know nothing else')
    .addOption(endpointOption())
    .action(
      run(async (workload: string, command: string[], options: EndpointFlag & { staticEnv?: boolean }) => {
        const { exec } = await import('../commands/exec.ts');
        return exec(workload, command, options, io);
      }),
    );
}

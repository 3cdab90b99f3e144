/**
 * `aws-setup`, `verify`, `doctor`: set the cloud account up, prove it, find what is wrong with it.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { AwsSetupOptions, SetupFormat } from '../commands/aws-setup.ts';
import type { DoctorFlags } from '../commands/doctor.ts';
import type { VerifyFlags } from '../commands/verify.ts';
import type { Io, Run } from '../io.ts';
import { configOption, jsonOption, repeated, url } from './options.ts';

const dialectOption = () =>
  new Option('--dialect <DIALECT>', 'whose policies; default: by the role’s ARN').choices(['aws', 'ceph']);
const issuerOption = () => new Option('--issuer <URL>', 'for identity tokens that another issuer signs').argParser(url);

export function addAccountVerbs(program: Command, io: Io, run: Run): void {
  program
    .command('aws-setup')
    .summary('print the provider, the role and the policies for this configuration')
    .description(
      'Prints what the account must be told: the OIDC provider, the role with its trust policy, the role’s policy and the\nbucket’s. It changes nothing itself.',
    )
    .addOption(configOption())
    .addOption(new Option('--format <FORMAT>', 'how').choices(['cli', 'cloudformation', 'terraform']).default('cli'))
    .addOption(dialectOption())
    .option('--bucket <BUCKET>', 'the bucket whose data is shared out by wallet')
    .option('--prefix <PREFIX>', 'what stands in front of the wallet in its keys, as bots/')
    .option('--source-ip <CIDR>', 'only from these addresses; repeat it for more', repeated, [])
    .option('--bind-session', 'also bind `sub` and the session name to the wallet')
    .option('--revoke <WALLET>', 'instead: the statement that ends this wallet’s sessions')
    .option('--account-id <ID>', 'which account’s part, where the roles are in several')
    .addOption(issuerOption())
    .action(
      run(async (options: AwsSetupOptions & { format: SetupFormat }) => {
        const { awsSetup } = await import('../commands/aws-setup.ts');
        return awsSetup(options, io);
      }),
    );

  program
    .command('verify')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .summary('prove the isolation on the real account')
    .description(
      'Fetches credentials and uses them: the own prefix must list, a foreign one must be AccessDenied.\nExit status: 0 proven, 3 isolation broken, 4 own access denied, 1 it could not be carried out.',
    )
    .addOption(configOption())
    .requiredOption('--bucket <BUCKET>', 'the bucket')
    .option('--prefix <PREFIX>', 'what stands in front of the wallet in its keys, as bots/')
    .option('--foreign <PREFIX>', 'a prefix that must be denied; default 0xdeadbeef/')
    .option(
      '--foreign-key <KEY>',
      'an object that is there and must be denied; repeat it for more; default: one of another workload',
      repeated,
      [],
    )
    .option('--endpoint-url <URL>', 'where S3 is, for Ceph and others', url)
    .addOption(
      new Option('--via <VIA>', 'where the credentials come from')
        .choices(['exchange', 'endpoint', 'mint-aws-creds'])
        .default('exchange'),
    )
    .option('--endpoint <URL>', 'with --via endpoint: where it runs; default: as configured', url)
    .option('--broker <URL>', 'with --via mint-aws-creds: the broker', url)
    .option('--bearer-file <FILE>', 'with --via mint-aws-creds: the file with the bearer')
    .addOption(jsonOption())
    .action(
      run(async (workload: string, flags: VerifyFlags) => {
        const { verify } = await import('../commands/verify.ts');
        return verify(workload, flags, io);
      }),
    );

  program
    .command('doctor')
    .summary('say what would fail, and how to mend it')
    .description('Reads the configuration and what it points to. Exit status 1 where it finds an error.')
    .addOption(configOption())
    .option('--app-env <FILE>', 'an application’s environment, KEY=value a line')
    .option('--trust-policy <FILE>', 'the role’s trust policy')
    .option('--role-policy <FILE>', 'the role’s permission policy')
    .option('--bucket-policy <FILE>', 'the bucket’s policy')
    .option('--account', 'read the role and the provider from IAM, with the credentials in the environment')
    .addOption(dialectOption())
    .addOption(issuerOption())
    .option('--offline', 'leave out what needs the network')
    .addOption(jsonOption())
    .action(
      run(async (flags: DoctorFlags) => {
        const { doctor } = await import('../commands/doctor.ts');
        return doctor(flags, io);
      }),
    );
}

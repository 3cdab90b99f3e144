/**
 * `walletcreds aws-setup`: prints the setup of the account for this configuration. It changes nothing itself.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { dialectOf } from '../../aws/doctor/doctor.ts';
import type { Dialect } from '../../aws/plan.ts';
import { documentOf } from '../../aws/policy-document.ts';
import { renderCli, renderRevocationCli } from '../../aws/setup/render/cli.ts';
import { renderCloudFormation, renderRevocationCloudFormation } from '../../aws/setup/render/cloudformation.ts';
import { renderRevocationTerraform, renderTerraform } from '../../aws/setup/render/terraform.ts';
import { revocationOf, setupOf } from '../../aws/setup/setup.ts';
import { loadConfig } from '../../config/load.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io, Run } from '../io.ts';
import { configOption, dialectOption, issuerOption, repeated, withExamples } from '../options.ts';

type SetupFormat = 'cli' | 'cloudformation' | 'terraform';

export interface AwsSetupOptions {
  readonly config: string;
  readonly format: SetupFormat;
  /** Default: by the role's ARN. */
  readonly dialect?: Dialect;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly sourceIp?: readonly string[];
  readonly bindSession?: boolean;
  /** Prints this document alone, as JSON. */
  readonly only?: 'bucket-policy';
  readonly kmsKey?: string;
  readonly bucketAccount?: string;
  readonly keepPrincipal?: string;
  readonly revoke?: string;
  /** If another issuer signs the identity tokens. */
  readonly issuer?: string;
  /** If the roles are in several accounts. */
  readonly accountId?: string;
}

const SETUP = { cli: renderCli, cloudformation: renderCloudFormation, terraform: renderTerraform };
const REVOCATION = {
  cli: renderRevocationCli,
  cloudformation: renderRevocationCloudFormation,
  terraform: renderRevocationTerraform,
};

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(
    command,
    'aws.md',
    'walletcreds aws-setup --bucket my-bucket --prefix bots/',
    'walletcreds aws-setup --bucket my-bucket --format terraform > walletcreds.tf',
  )
    .description(
      'Prints the OIDC provider, the role with its trust policy, the role’s policy and the bucket’s policy. It changes nothing itself.',
    )
    .addOption(configOption())
    .addOption(
      new Option('--format <FORMAT>', 'the output').choices(['cli', 'cloudformation', 'terraform']).default('cli'),
    )
    .addOption(dialectOption())
    .option('--bucket <BUCKET>', 'the bucket that the wallets share')
    .option('--prefix <PREFIX>', 'the part of its keys before the wallet, such as bots/')
    .option('--source-ip <CIDR>', 'allow only these addresses; repeat it for more', repeated)
    .option('--bind-session', 'also bind `sub` and the session name to the wallet')
    .option('--kms-key <ARN>', 'the KMS key that encrypts the bucket: lets the role use it through S3')
    .option('--bucket-account <ID>', 'the bucket’s account, if it is not the roles’: its policy then also allows')
    .option(
      '--keep-principal <ARN>',
      'while moving: this user or role may still assume the roles, and sessions without a tag are not yet denied',
    )
    .addOption(new Option('--only <PART>', 'print this document alone, as JSON').choices(['bucket-policy']))
    .option('--revoke <WALLET>', 'print instead the statement that ends this wallet’s sessions')
    .option('--account-id <ID>', 'the account to print for, if the roles are in several')
    .addOption(issuerOption())
    .action(run((options: AwsSetupOptions) => awsSetup(options, io)));
}

/** @throws ConfigError, UsageError */
export async function awsSetup(options: AwsSetupOptions, io: Io): Promise<number> {
  const config = await loadConfig(options.config, { env: io.env, purpose: 'inspect' });
  const dialect = options.dialect ?? dialectOf(config);
  if (dialect === 'ceph' && options.format !== 'cli') {
    throw new UsageError(
      `--format ${options.format}: Ceph has no CloudFormation and no provider for it; use --format cli`,
    );
  }
  const given = {
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    ...(options.accountId === undefined ? {} : { account: options.accountId }),
  };
  if (options.revoke !== undefined) {
    io.out(
      REVOCATION[options.format](
        revocationOf(config, { wallet: options.revoke, now: Date.now(), dialect, ...given }),
      ).trimEnd(),
    );
    return 0;
  }
  if (options.bucket === undefined)
    throw new UsageError('--bucket B is missing: name the bucket that the policies are for');
  const setup = setupOf(config, {
    dialect,
    bucket: options.bucket,
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
    sourceIps: options.sourceIp ?? [],
    bindSession: options.bindSession ?? false,
    ...(options.kmsKey === undefined ? {} : { kmsKey: options.kmsKey }),
    ...(options.bucketAccount === undefined ? {} : { bucketAccount: options.bucketAccount }),
    ...(options.keepPrincipal === undefined ? {} : { keepPrincipal: options.keepPrincipal }),
    ...given,
  });
  for (const warning of setup.warnings) io.warn(`walletcreds: ${warning}`);
  if (options.only !== undefined) {
    io.out(JSON.stringify(documentOf(setup.bucketPolicy), null, 2));
    return 0;
  }
  io.out(SETUP[options.format](setup).trimEnd());
  return 0;
}

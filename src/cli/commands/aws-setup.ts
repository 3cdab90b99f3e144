/**
 * `walletcreds aws-setup`: prints what the account must be told, for this configuration. It changes nothing itself.
 *
 * @module
 */

import { dialectOf } from '../../aws/doctor/doctor.ts';
import type { Dialect } from '../../aws/plan.ts';
import { renderCli, renderRevocationCli } from '../../aws/setup/render/cli.ts';
import { renderCloudFormation, renderRevocationCloudFormation } from '../../aws/setup/render/cloudformation.ts';
import { renderRevocationTerraform, renderTerraform } from '../../aws/setup/render/terraform.ts';
import { revocationOf, setupOf } from '../../aws/setup/setup.ts';
import { loadConfig } from '../../config/load.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io } from '../io.ts';

export type SetupFormat = 'cli' | 'cloudformation' | 'terraform';

export interface AwsSetupOptions {
  readonly config: string;
  readonly format: SetupFormat;
  /** Default: by the role's ARN. */
  readonly dialect?: Dialect;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly sourceIp?: readonly string[];
  readonly bindSession?: boolean;
  readonly revoke?: string;
  /** For identity tokens that another issuer signs. */
  readonly issuer?: string;
  /** Where the roles are in several accounts. */
  readonly accountId?: string;
}

const SETUP = { cli: renderCli, cloudformation: renderCloudFormation, terraform: renderTerraform };
const REVOCATION = {
  cli: renderRevocationCli,
  cloudformation: renderRevocationCloudFormation,
  terraform: renderRevocationTerraform,
};

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
  if (options.bucket === undefined) throw new UsageError('--bucket B is missing: whose policy shall confine the role?');
  const setup = setupOf(config, {
    dialect,
    bucket: options.bucket,
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
    sourceIps: options.sourceIp ?? [],
    bindSession: options.bindSession ?? false,
    ...given,
  });
  io.out(SETUP[options.format](setup).trimEnd());
  return 0;
}

/**
 * What `doctor` is told.
 *
 * @module
 */
import type { Config } from '../../config/types.ts';
import type { Dialect } from '../plan.ts';
import type { Send } from './checks/issuer.ts';

export interface DoctorOptions {
  /** As the user named it. */
  readonly configFile: string;
  /** The configuration, or what its loading threw. */
  readonly config: Config | { readonly error: unknown };
  readonly appEnv?: string | undefined;
  readonly trustPolicy?: string | undefined;
  readonly rolePolicy?: string | undefined;
  readonly bucketPolicy?: string | undefined;
  /** The bucket that the policies are about; without it no grant can be checked. */
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
  /** Read IAM with the credentials in `env`. */
  readonly account?: boolean | undefined;
  /** Gets credentials for a workload by a real exchange, and drops them; throws what the exchange throws. */
  readonly exchange?: ((workload: string) => Promise<void>) | undefined;
  /** Of this process. */
  readonly env: NodeJS.ProcessEnv;
  /** Default: by the role's ARN, which has an account at AWS and none at Ceph. */
  readonly dialect?: Dialect | undefined;
  readonly issuer?: string | undefined;
  /** Skip what needs the network. */
  readonly offline?: boolean | undefined;
  readonly now?: () => number;
  readonly send?: Send;
}

/**
 * What `walletcreds dev` prints once it is ready: lines to paste, and what else there is.
 *
 * @module
 */
import type { Config } from '../../../config/types.ts';
import { shellEnvironment, shellQuoted } from '../../output/shell.ts';
import { DEV_BUCKET, DEV_FOREIGN, DEV_FOREIGN_KEY, DEV_PREFIX } from './account.ts';

export interface DevText {
  readonly config: Config;
  /** For the other commands' `--config`. */
  readonly configFile: string;
  readonly port: number;
  readonly s3Url: string;
  readonly variables: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Per workload, the file under the state folder first. */
  readonly envFiles: ReadonlyMap<string, readonly string[]>;
}

/** Comments begin with `#`, so that the whole of it can be pasted. */
export function devText({ config, configFile, port, s3Url, variables, envFiles }: DevText): string[] {
  const sts = config.sts.endpoint;
  const [first, ...others] = [...config.workloads.values()].map(({ workload }) => workload);
  if (first === undefined) throw new TypeError('at least one workload');
  const lines = [
    `# Ready: ${first.name} has credentials for ${first.wallet}. In another terminal:`,
    '',
    // No comment behind a line: an interactive zsh takes it for arguments.
    ...shellEnvironment(variables.get(first.name) ?? {}, {}),
    'aws sts get-caller-identity',
    '',
    '# The own folder opens, another wallet’s is AccessDenied:',
    `aws s3 ls s3://${DEV_BUCKET}/${DEV_PREFIX}${first.wallet}/`,
    `aws s3 ls s3://${DEV_BUCKET}/${DEV_FOREIGN}`,
    '',
    '# The other commands, here and without the variables above:',
    `#   export WALLETCREDS_CONFIG=${shellQuoted(configFile)}`,
    `#   walletcreds verify ${first.name} --bucket ${DEV_BUCKET} --prefix ${DEV_PREFIX} --foreign-key ${DEV_FOREIGN_KEY} --endpoint-url ${s3Url}`,
    `#   walletcreds exec ${first.name} -- aws sts get-caller-identity`,
    '#   walletcreds audit list',
    '',
    '# AWS CLI before 2.13 does not know AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_S3:',
    `#   aws sts get-caller-identity --endpoint-url ${sts}`,
    `#   aws s3 ls s3://${DEV_BUCKET}/${DEV_FOREIGN} --endpoint-url ${s3Url}`,
    `# Status page:     http://127.0.0.1:${port + 2}/`,
    `# Issuer and STS:  ${sts}`,
    `# S3:              ${s3Url}`,
  ];
  for (const { name, wallet } of others) {
    const file = envFiles.get(name)?.at(-1) ?? '';
    lines.push(`# ${name} (${wallet}):  set -a; . ${shellQuoted(file)}; set +a`);
  }
  const written = envFiles.get(first.name)?.at(1);
  if (written !== undefined) lines.push(`# Written to ${written}`);
  lines.push('# Ctrl-C ends it.');
  return lines;
}

/**
 * `walletcreds verify WORKLOAD`: verifies the isolation on the real account, and says what is broken.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { dialectOf } from '../../aws/doctor/doctor.ts';
import { placeOf } from '../../aws/plan.ts';
import type { AwsKeys } from '../../aws/signed-request.ts';
import { type ForeignObjects, findForeignObjects, type OtherWorkload } from '../../aws/verify/foreign-objects.ts';
import { mintAwsCreds } from '../../aws/verify/mint.ts';
import { resultOf, type VerifyResult } from '../../aws/verify/result.ts';
import type { Store } from '../../aws/verify/s3.ts';
import type { Step } from '../../aws/verify/steps.ts';
import { untaggedExchange } from '../../aws/verify/untagged.ts';
import { verifyIsolation } from '../../aws/verify/verify.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config, WorkloadConfig } from '../../config/types.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io, Run } from '../io.ts';
import { cliLogger } from '../logger.ts';
import { askEndpoint, exchangeOnce } from '../once.ts';
import { configOption, jsonOption, repeated, url, withExamples } from '../options.ts';
import { workloadOf } from '../workload-of.ts';

type Via = 'exchange' | 'endpoint' | 'mint-aws-creds';

export interface VerifyFlags {
  readonly config: string;
  readonly bucket: string;
  readonly prefix?: string;
  /** A whole prefix in the bucket; default `0xdeadbeef/` beside the wallet's own folder. */
  readonly foreign?: string;
  /** Whole keys of objects that are there and must be refused; default: one that another workload reads. */
  readonly foreignKey?: readonly string[];
  readonly endpointUrl?: string;
  readonly via: Via;
  /** `--via endpoint`: where it runs; default the first address of the configuration. */
  readonly endpoint?: string;
  readonly broker?: string;
  readonly bearerFile?: string;
  readonly json?: boolean;
  /** Instead of `via`, for tests. */
  readonly getCredentials?: (workload: string) => Promise<AwsKeys>;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds verify scraper-a --bucket my-bucket --prefix bots/')
    .argument('<WORKLOAD>', 'a name under `workloads`')
    .description(
      'Fetches credentials and uses them: the own prefix must list, a foreign one must be AccessDenied. Exit status: 0 proven, 3 isolation broken, 4 own access denied, 1 inconclusive.',
    )
    .addOption(configOption())
    .requiredOption('--bucket <BUCKET>', 'the bucket')
    .option('--prefix <PREFIX>', 'the part of its keys before the wallet, such as bots/')
    .option('--foreign <PREFIX>', 'a prefix that must be denied (default: 0xdeadbeef/)')
    .option(
      '--foreign-key <KEY>',
      'an existing object that must be denied; repeat it for more (default: one of another workload)',
      repeated,
    )
    .option(
      '--endpoint-url <URL>',
      'the URL of S3, for Ceph and others (default: AWS_ENDPOINT_URL_S3, else AWS’s)',
      url,
    )
    .addOption(
      new Option('--via <VIA>', 'the source of the credentials')
        .choices(['exchange', 'endpoint', 'mint-aws-creds'])
        .default('exchange'),
    )
    .option('--endpoint <URL>', 'with --via endpoint: its URL (default: as configured)', url)
    .option('--broker <URL>', 'with --via mint-aws-creds: the broker', url)
    .option('--bearer-file <FILE>', 'with --via mint-aws-creds: the file with the bearer')
    .addOption(jsonOption())
    .action(run((workload: string, flags: VerifyFlags) => verify(workload, flags, io)));
}

/** @returns 0 proven, 3 isolation broken, 4 own access denied, 1 inconclusive */
export async function verify(name: string, flags: VerifyFlags, io: Io): Promise<number> {
  const needs = flags.via === 'exchange' ? 'exchange' : 'endpoint';
  const { config, found } = await workloadOf(name, flags.config, io.env, needs);
  const { workload } = found;
  const endpointUrl = flags.endpointUrl ?? endpointOf(io.env);
  const { bucket, prefix } = placeOf(
    flags.bucket,
    baseOf(flags.prefix, workload.wallet),
    endpointUrl === undefined ? dialectOf(config) : 'ceph',
  );
  const foreign = flags.foreign ?? `${prefix}0xdeadbeef/`;
  if (`${prefix}${workload.wallet}/`.startsWith(foreign) || foreign.startsWith(`${prefix}${workload.wallet}/`)) {
    throw new UsageError(
      `--foreign ${JSON.stringify(foreign)}: it holds the wallet's own folder, or is a part of it; name another wallet's`,
    );
  }
  const store: Store = {
    bucket,
    region: config.region,
    endpointUrl,
    proxy: config.egressProxy,
    // Another S3 than AWS's stands where its STS does: the same authority, the same allowance.
    ...(endpointUrl === undefined
      ? {}
      : { caFile: config.sts.caFile, allowInsecureHttp: config.sts.allowInsecureHttp }),
  };
  const given = (flags.foreignKey ?? []).map(key => foreignKey(key, `${prefix}${workload.wallet}/`));
  const steps: Step[] = [];
  const colour = painter(io);
  if (endpointUrl !== undefined && flags.json !== true) {
    const from = flags.endpointUrl === undefined ? ', from AWS_ENDPOINT_URL_S3' : '';
    io.out(`S3 is ${endpointUrl}${from}`);
  }
  const run = verifyIsolation({
    store,
    wallet: workload.wallet,
    prefix,
    foreign,
    via: flags.via,
    getCredentials: source(config, found, flags, io),
    foreignObjects: async () => {
      if (given.length > 0) return { objects: given, why: '' };
      return findForeignObjects(store, () => othersOf(found, prefix, foreign, flags, io));
    },
    mayBeReadOnly: workload.sessionPolicy !== undefined,
    untagged: await untaggedExchange(config, workload),
  });
  for await (const step of run) {
    steps.push(step);
    if (flags.json !== true) io.out(stepLine(step, colour));
  }
  const result = resultOf(steps, workload.wallet);
  if (flags.json === true) {
    const head = { workload: name, wallet: workload.wallet, bucket, via: flags.via };
    io.out(JSON.stringify({ ...head, ...result, steps }, null, 2));
  } else for (const line of resultLines(result, colour)) io.out(line);
  return result.exitCode;
}

/** @throws UsageError */
function endpointOf(env: NodeJS.ProcessEnv): string | undefined {
  const value = env['AWS_ENDPOINT_URL_S3'];
  if (value === undefined || value === '') return undefined;
  try {
    return url(value);
  } catch (error) {
    throw new UsageError(`the variable AWS_ENDPOINT_URL_S3: ${(error as Error).message}`);
  }
}

/** `--prefix` is the part before the wallet; the wallet's own folder is accepted for it too. */
function baseOf(prefix: string | undefined, wallet: string): string | undefined {
  const bare = prefix?.endsWith('/') === true ? prefix.slice(0, -1) : prefix;
  return bare?.toLowerCase().endsWith(wallet) === true ? bare.slice(0, -wallet.length) : prefix;
}

function foreignKey(key: string, own: string): ForeignObjects['objects'][number] {
  if (key === '' || key.startsWith('/') || key.startsWith(own)) {
    throw new UsageError(
      `--foreign-key ${JSON.stringify(key)}: the whole key of an object outside ${own}, without a slash in front`,
    );
  }
  return { key, by: 'named by --foreign-key' };
}

/** The other workloads, with credentials from the same source; the one whose folder `--foreign` names comes first. */
async function othersOf(
  found: WorkloadConfig,
  prefix: string,
  foreign: string,
  flags: VerifyFlags,
  io: Io,
): Promise<OtherWorkload[]> {
  const { bearerFile: _, ...others } = flags;
  const { workloads } = await loadConfig(flags.config, { env: io.env, purpose: 'inspect' });
  return [...workloads.values()]
    .map(({ workload }) => workload)
    .filter(({ wallet }) => wallet !== found.workload.wallet)
    .map(({ name, wallet }) => ({
      name,
      own: `${prefix}${wallet}/`,
      getCredentials: async () => {
        const needs = flags.via === 'exchange' ? 'exchange' : 'endpoint';
        const other = await workloadOf(name, flags.config, io.env, needs);
        return source(other.config, other.found, others, io)();
      },
    }))
    .sort((a, b) => Number(foreign.startsWith(b.own)) - Number(foreign.startsWith(a.own)));
}

function source(config: Config, found: WorkloadConfig, flags: VerifyFlags, io: Io): () => Promise<AwsKeys> {
  const { getCredentials } = flags;
  if (getCredentials !== undefined) return () => getCredentials(found.workload.name);
  switch (flags.via) {
    case 'exchange':
      return async () => exchangeOnce(config, found, 'credentials', await cliLogger(io.env, 'warn'));
    case 'endpoint': {
      const [first] = config.endpoint.listen;
      const host = first?.host.includes(':') === true ? `[${first.host}]` : first?.host;
      const url = flags.endpoint ?? `http://${host ?? '127.0.0.1'}:${first?.port ?? 9110}`;
      return () => askEndpoint(url, found);
    }
    case 'mint-aws-creds': {
      const { broker, bearerFile = found.bearer?.file } = flags;
      if (broker === undefined) throw new UsageError('--via mint-aws-creds needs --broker URL');
      if (bearerFile === undefined) throw new UsageError('--via mint-aws-creds needs --bearer-file F');
      const { wallet } = found.workload;
      return () => mintAwsCreds({ broker, bearerFile, wallet, proxy: config.egressProxy });
    }
  }
}

const MARKS: Record<Step['outcome'], readonly [string, number]> = {
  ok: ['✓', 32],
  broken: ['✗', 31],
  denied: ['✗', 31],
  unclear: ['?', 33],
  'not-checked': ['–', 33],
};

type Paint = (text: string, code: number) => string;

/** On a terminal only. */
function painter({ env }: Io): Paint {
  const isColoured = (env['NO_COLOR'] ?? '') === '' && process.stdout.isTTY === true;
  return (text, code) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
}

function stepLine({ outcome, title, detail, must }: Step, paint: Paint): string {
  const [mark, code] = MARKS[outcome];
  const what = outcome === 'not-checked' ? `not checked: ${detail}` : detail;
  const line = `${mark} ${title}: ${what}`;
  if (outcome === 'ok' || outcome === 'not-checked') return line.replace(mark, paint(mark, code));
  return paint(must === '' ? line : `${line}, must be ${must}`, code);
}

function resultLines({ exitCode, summary, likelyCause, code, link }: VerifyResult, paint: Paint): string[] {
  return [
    '',
    paint(summary, exitCode === 0 ? 32 : exitCode === 1 ? 33 : 31),
    ...(likelyCause === '' ? [] : [`likely cause: ${likelyCause}`]),
    ...(link === '' ? [] : [`see ${link} (${code})`]),
  ];
}

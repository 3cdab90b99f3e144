/**
 * The account of `dev`, in place of one at AWS: the issuer's documents and an STS on one port, an S3 on another.
 *
 * The S3 enforces the policies that `aws-setup` prints, so the isolation can be seen on this machine.
 *
 * @module
 */
import { Hono } from 'hono';
import { planOf } from '../../../aws/plan.ts';
import { documentOf } from '../../../aws/policy-document.ts';
import { awsBucketPolicy } from '../../../aws/setup/bucket-policy-aws.ts';
import { awsRolePolicy } from '../../../aws/setup/policies-aws.ts';
import type { Config } from '../../../config/types.ts';
import { createStsEmulator, walletTrustPolicy } from '../../../emulator/index.ts';
import { listen } from '../../../emulator/listen.ts';
import { startS3Emulator } from '../../../emulator/s3/start.ts';
import { createHostGuard } from '../../../http/host-guard.ts';
import { createWellKnownApp } from '../../../http/oidc/well-known.ts';
import { createKeyStore } from '../../../identity-token/keys/index.ts';
import type { Clock } from '../../../lib/clock.ts';
import { errorFields, type Logger } from '../../../lib/log.ts';

export interface DevAccount {
  /** Of S3: for `AWS_ENDPOINT_URL_S3`. */
  readonly s3Url: string;
  close(): Promise<void>;
}

export const DEV_BUCKET = 'walletcreds-dev';
export const DEV_PREFIX = 'bots/';
/** Somebody else's folder. */
export const DEV_FOREIGN = `${DEV_PREFIX}0xdeadbeef/`;

/** An object there, which `verify` must not be able to read. */
export const DEV_FOREIGN_KEY = `${DEV_FOREIGN}secret.txt`;

/** A session as long as a role can allow; `dev` asks for less. */
const MAX_SESSION_SECONDS = 43_200;

/** @throws the listener's own error for a port in use */
export async function startDevAccount(options: {
  host: string;
  port: number;
  keysDir: string;
  role: string;
  config: Config;
  /** The role's policy instead of the printed ones; the bucket has none then. */
  policy: string | undefined;
  clock: Clock;
  log: Logger;
}): Promise<DevAccount> {
  const { host, port, keysDir, role, config, policy, clock, log } = options;
  const { walletTag } = config;
  const { identityToken } = config.defaults;
  if (identityToken.kind !== 'signer') throw new TypeError('dev needs a signer of its own');
  const { issuer, audience } = identityToken;
  const accountId = '000000000000';
  const sts = createStsEmulator({
    clock,
    accountId,
    issuers: [{ issuer, audiences: [audience] }],
    roles: [
      {
        arn: role,
        trustPolicy: walletTrustPolicy({ accountId, issuer, audience, walletTag }),
        maxSessionDuration: MAX_SESSION_SECONDS,
      },
    ],
  });
  const keys = createKeyStore({ dir: keysDir, purpose: 'dev', clock, log });
  const hostAllowed = createHostGuard();
  const app = new Hono();
  app.use(async (c, next) => {
    if (!hostAllowed(c.req.header('host') ?? 'localhost')) return c.text('this Host is not served here\n', 403);
    return next();
  });
  app.onError((error, c) => {
    log.error(errorFields(error), 'the issuer failed');
    return c.text(`${errorFields(error).message}\n`, 503);
  });
  app.on(['GET', 'POST'], '/', c => sts.app.fetch(c.req.raw, c.env));
  app.route('/', createWellKnownApp({ issuer, keys: () => keys.current(), clock, walletTag }));
  const issuerListening = await listen(app, { port, host });
  try {
    const s3 = await startS3Emulator({ sts, clock, host, port: port + 2, ...bucketOf(config, role, policy) });
    return { s3Url: s3.url, close: async () => void (await Promise.all([s3.close(), issuerListening.close()])) };
  } catch (error) {
    await issuerListening.close();
    throw error;
  }
}

function bucketOf(config: Config, role: string, policy: string | undefined) {
  const plan = planOf(config);
  const place = { bucket: DEV_BUCKET, prefix: DEV_PREFIX };
  const own = [...config.workloads.values()].map(({ workload: { wallet } }) => [
    `${DEV_PREFIX}${wallet}/hello.txt`,
    `hello, ${wallet}\n`,
  ]);
  const objects = { ...Object.fromEntries(own), [DEV_FOREIGN_KEY]: 'another wallet’s\n' };
  if (policy !== undefined) return { buckets: [{ name: DEV_BUCKET, objects }], rolePolicies: { [role]: policy } };
  const bucketPolicy = documentOf(awsBucketPolicy(plan, place));
  return {
    buckets: [{ name: DEV_BUCKET, objects, policy: bucketPolicy }],
    rolePolicies: { [role]: documentOf(awsRolePolicy(plan, place)) },
  };
}

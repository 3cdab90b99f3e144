/**
 * The S3 emulator as a value: buckets in memory and a Hono app in front of them.
 *
 * It applies the policies that it is given to an STS emulator's sessions, so that a workload's isolation can be seen on one
 * machine. It has no versions, no ACLs and no encryption: requests for these are refused by name.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { SessionStore } from '../sessions.ts';
import type { WebApp } from '../web-app.ts';
import { answerS3 } from './answer.ts';
import { type Account, enforceable } from './authorize.ts';
import { S3Error } from './errors.ts';
import type { S3Answer } from './objects.ts';
import { readS3Request } from './request.ts';
import { Store } from './store.ts';
import { errorXml } from './xml.ts';

export interface EmulatedBucket {
  /** @example 'walletcreds-dev' */
  readonly name: string;
  /** The bucket's policy, as text or value; default none. */
  readonly policy?: unknown;
  /** What is in it at the start, by key. */
  readonly objects?: Readonly<Record<string, string>>;
}

export interface S3EmulatorOptions {
  /** Whose sessions sign: a running or created STS emulator. */
  readonly sts: Pick<SessionStore, 'sessions' | 'secretsOf'> & { readonly accountId: string };
  readonly buckets: readonly EmulatedBucket[];
  /** Each role's own policy, as text or value, by role ARN. A role without one may do nothing. */
  readonly rolePolicies?: Readonly<Record<string, unknown>>;
  /** @example region: 'us-east-1' (the default) */
  readonly region?: string;
  /** Default `aws`. */
  readonly partition?: string;
  readonly clock?: Clock;
}

export interface S3Emulator {
  readonly app: WebApp;
  /** Replaces a role's policy. @throws TypeError that names what is wrong with it */
  putRolePolicy(roleArn: string, policy: unknown): void;
  /** Replaces a bucket's policy. @throws TypeError that names what is wrong with it */
  putBucketPolicy(bucket: string, policy: unknown): void;
  /** Writes an object past every policy, as the bucket's owner would. */
  putObject(bucket: string, key: string, body: string): void;
}

/** @throws TypeError that names a policy which S3 or IAM would refuse */
export function createS3Emulator(options: S3EmulatorOptions): S3Emulator {
  const { sts, clock = systemClock, region = 'us-east-1', partition = 'aws' } = options;
  const store = new Store(
    options.buckets.map(({ name }) => name),
    () => clock.wall(),
  );
  const [rolePolicies, bucketPolicies] = [new Map(), new Map()];
  const account: Account = { accountId: sts.accountId, partition, region, rolePolicies, bucketPolicies };

  const app = new Hono();
  app.all('*', async context => {
    const requestId = randomUUID();
    let answer: S3Answer;
    try {
      const request = await readS3Request(context.req.raw, context.env);
      answer = await answerS3(request, { store, account, sessions: sts, now: clock.wall() });
    } catch (error) {
      answer = refusal(error, new URL(context.req.url).pathname, requestId, context.req.method);
    }
    const body =
      typeof answer.body === 'string' || answer.body === undefined ? answer.body : new Uint8Array(answer.body);
    return new Response(body ?? null, {
      status: answer.status,
      headers: {
        ...(typeof answer.body === 'string' ? { 'content-type': 'application/xml' } : {}),
        'x-amz-request-id': requestId,
        date: new Date(clock.wall()).toUTCString(),
        ...answer.headers,
      },
    });
  });

  const emulator: S3Emulator = {
    app,
    putRolePolicy: (arn, policy) => void rolePolicies.set(arn, enforceable(policy, 'identity', `the policy of ${arn}`)),
    putBucketPolicy: (bucket, policy) =>
      void bucketPolicies.set(bucket, enforceable(policy, 'resource', `the policy of ${bucket}`)),
    putObject: (bucket, key, body) => void store.put(store.bucket(bucket), key, Buffer.from(body), {}),
  };
  for (const [arn, policy] of Object.entries(options.rolePolicies ?? {})) emulator.putRolePolicy(arn, policy);
  for (const { name, policy, objects = {} } of options.buckets) {
    if (policy !== undefined) emulator.putBucketPolicy(name, policy);
    for (const [key, body] of Object.entries(objects)) emulator.putObject(name, key, body);
  }
  return emulator;
}

/** A HEAD is answered by its status alone. */
function refusal(error: unknown, resource: string, requestId: string, method: string): S3Answer {
  const known = error instanceof S3Error ? error : new S3Error('InternalError', 'The emulator failed: a fault in it');
  if (method === 'HEAD') return { status: known.status };
  return { status: known.status, body: errorXml(known, resource, requestId) };
}

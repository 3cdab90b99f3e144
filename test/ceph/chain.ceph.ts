/**
 * The whole chain against Ceph: its STS judges our tokens, its IAM takes our policies, its S3 holds the isolation. Every
 * policy comes from what `aws-setup` prints, every credential from the running `serve`.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { AwsKeys } from '../../src/aws/signed-request.ts';
import { getObject, listObjects } from '../../src/aws/verify/s3.ts';
import { request } from '../../src/lib/http-client.ts';
import { codeUrl } from '../../src/package.ts';
import { type Serving, startServe } from '../support/chain.ts';
import { bin, cleanEnv, type Finished, run, temporaryFolder } from '../support/process.ts';
import { type Bend, exchange as exchangeAt } from './bent-token.ts';
import { type Distant, distant } from './distant.ts';
import { freePort, type Gateway } from './gateway.ts';

const A = '0x52908400098527886e0f7030069857d2e4169ee7';
const B = `0x${'b'.repeat(40)}`;
const TAG = 'agentkeys_user_wallet';
const ROLE = 'agentkeys-data-role';
const BUCKET = 'agentkeys';
const folder = temporaryFolder('ceph-chain');
const at = (...parts: string[]) => join(folder.path, ...parts);

const provided = inject('ceph');
const gateway = 'missing' in provided ? undefined : provided;
const missing = 'missing' in provided ? provided.missing : '';
let serve: Serving | undefined;
let ports = { endpoint: 0, broker: 0, admin: 0 };
/** The broker as Ceph sees it: through what stands before it. */
let issuer: Distant;

const up = (): Pick<Gateway, 'url' | 'admin'> => {
  if (gateway === undefined) throw new Error(missing);
  return gateway;
};
const cli = (...args: string[]): Promise<Finished> =>
  run(process.execPath, [bin, ...args], { env: cleanEnv(folder.path), cwd: folder.path });
const adminEnv = () =>
  cleanEnv(folder.path, {
    AWS_ACCESS_KEY_ID: up().admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: up().admin.secretAccessKey,
    AWS_DEFAULT_REGION: 'us-east-1',
  });
const asAdmin = async (...args: string[]): Promise<Finished> => {
  const done = await run('aws', ['--endpoint-url', up().url, ...args], { env: adminEnv(), cwd: folder.path });
  expect(done, done.stderr).toMatchObject({ code: 0 });
  return done;
};
const store = () => ({ bucket: BUCKET, region: 'us-east-1', endpointUrl: up().url });

beforeAll(async () => {
  if (gateway === undefined) return;
  ports = { endpoint: await freePort(), broker: await freePort(), admin: await freePort() };
  issuer = await distant(() => ports.broker);
  writeFileSync(
    at('walletcreds.yaml'),
    `region: us-east-1
role_arn: arn:aws:iam:::role/${ROLE}
endpoint: { listen: [127.0.0.1:${ports.endpoint}] }
broker: { listen: 127.0.0.1:${ports.broker} }
admin: { listen: 127.0.0.1:${ports.admin} }
identity_token: { signer: { issuer: "${issuer.url}", keys_dir: keys } }
sts: { endpoint: "${gateway.url}" }
workloads:
  scraper-a: { wallet: "${A}", token_file: tokens/a, bearer_file: bearers/a }
  scraper-b: { wallet: "${B}", token_file: tokens/b, bearer_file: bearers/b }
`,
  );
  await run('mkdir', ['-m', '700', 'bearers'], { env: cleanEnv(folder.path), cwd: folder.path });
  for (const name of ['a', 'b'])
    writeFileSync(at('bearers', name), `bearer-of-workload-${name}-0123456789abcdef`, { mode: 0o600 });
  expect(await cli('keys', 'generate', '--certificate')).toMatchObject({ code: 0 });
  await asAdmin('s3api', 'create-bucket', '--bucket', BUCKET);
  await setUp();
  // Side by side: most of a CLI's time is Python's start.
  const put = async (prefix: string, i: number) => {
    writeFileSync(at(`object-${i}`), `data of ${prefix}`);
    const key = `${prefix}/walletcreds-verify`;
    await asAdmin('s3api', 'put-object', '--bucket', BUCKET, '--key', key, '--body', at(`object-${i}`));
  };
  await Promise.all([A, B, '0xdeadbeef', `${A}0`].map(put));
  serve = startServe({ folder: folder.path });
  // Both workloads are prefetched: readiness is two exchanges at Ceph's STS.
  await serve.said('credentials from STS', 2);
}, 300_000);

afterAll(async () => {
  serve?.child.kill('SIGTERM');
  await serve?.exited;
  issuer?.close();
  folder.remove();
}, 90_000);

beforeEach(context => context.skip(gateway === undefined, missing));

/** What `aws-setup --dialect ceph` prints, run unchanged. */
async function setUp(): Promise<void> {
  const printed = await cli('aws-setup', '--dialect', 'ceph', '--bucket', BUCKET);
  expect(printed, printed.stderr).toMatchObject({ code: 0 });
  const done = await run('sh', ['-s'], { env: adminEnv(), cwd: folder.path, input: printed.stdout });
  expect(done, done.stderr).toMatchObject({ code: 0 });
}

const verify = (...more: string[]) =>
  cli('verify', 'scraper-a', '--bucket', BUCKET, '--endpoint-url', up().url, ...more);

const doctorAccount = () =>
  run(process.execPath, [bin, 'doctor', '--account', '--bucket', BUCKET, '--json'], {
    env: adminEnv(),
    cwd: folder.path,
  });

/** The foreign folder and the one that begins the same hold an object that `verify` is told of. */
const PLANTED = ['0xdeadbeef', `${A}0`].flatMap(at => ['--foreign-key', `${at}/walletcreds-verify`]);

/** An unmodified client in an application's environment: the URI and the token, nothing else. */
function appEnv(workload: 'a' | 'b'): Record<string, string> {
  return cleanEnv(folder.path, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${ports.endpoint}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: readFileSync(at('tokens', workload), 'utf8'),
    AWS_DEFAULT_REGION: 'us-east-1',
  });
}

describe('the AWS CLI over the endpoint', () => {
  const s3 = (...args: string[]) =>
    run('aws', ['--endpoint-url', up().url, 's3', ...args], { env: appEnv('a'), cwd: folder.path });
  test('lists, writes and reads its own folder', async () => {
    writeFileSync(at('mine'), 'written over the endpoint');
    expect(await s3('cp', 'mine', `s3://${BUCKET}/${A}/below/mine`)).toMatchObject({ code: 0 });
    expect((await s3('ls', '--recursive', `s3://${BUCKET}/${A}/`)).stdout).toContain(`${A}/below/mine`);
    expect((await s3('cp', `s3://${BUCKET}/${A}/below/mine`, '-')).stdout).toBe('written over the endpoint');
    expect(await s3('rm', `s3://${BUCKET}/${A}/below/mine`)).toMatchObject({ code: 0 });
  });
  test.each([
    ['a foreign folder', '0xdeadbeef/'],
    ["the other workload's folder", `${B}/`],
    ['the folder that begins the same', `${A}0/`],
    ['the bucket itself', ''],
  ])('%s is AccessDenied', async (_, prefix) => {
    // Older CLIs stumble over Ceph's error, which has no message: what came over the wire tells.
    const listed = await s3('ls', `s3://${BUCKET}/${prefix}`, '--debug');
    expect(listed.code).not.toBe(0);
    expect(listed.stderr).toContain('<Code>AccessDenied</Code>');
    if (prefix === '') return;
    const [got, put] = await Promise.all([
      s3('cp', `s3://${BUCKET}/${prefix}walletcreds-verify`, '-'),
      s3('cp', 'object-0', `s3://${BUCKET}/${prefix}mine`, '--debug'),
    ]);
    expect(got.code).not.toBe(0);
    expect(got.stderr).toMatch(/403|AccessDenied/);
    expect(put.code).not.toBe(0);
    expect(put.stderr).toContain('<Code>AccessDenied</Code>');
  });
});

test('boto3 over the endpoint reads its own object and no other', async () => {
  const script = `
import boto3, botocore
s3 = boto3.client('s3', endpoint_url=${JSON.stringify(up().url)})
print(s3.get_object(Bucket='${BUCKET}', Key='${B}/walletcreds-verify')['Body'].read().decode())
try:
    s3.get_object(Bucket='${BUCKET}', Key='${A}/walletcreds-verify')
except botocore.exceptions.ClientError as error:
    print(error.response['Error']['Code'])
`;
  const done = await run('/usr/bin/python3', ['-c', script], { env: appEnv('b'), cwd: folder.path });
  expect(done.stdout.split('\n'), done.stderr).toEqual([`data of ${B}`, 'AccessDenied', '']);
});

test('two workloads in parallel never cross: every answer opens its own folder, and not the other', async () => {
  const keysOf = async (workload: 'a' | 'b'): Promise<AwsKeys> => {
    const env = appEnv(workload);
    const answer = await request({
      url: env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '',
      headers: { authorization: env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '' },
    });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.body);
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  };
  const once = async (workload: 'a' | 'b') => {
    const [own, other] = workload === 'a' ? [A, B] : [B, A];
    const keys = await keysOf(workload);
    const [mine, theirs] = await Promise.all([
      getObject(store(), keys, `${own}/walletcreds-verify`),
      listObjects(store(), keys, `${other}/`),
    ]);
    return `${mine.kind} ${theirs.kind}`;
  };
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => once(i % 2 === 0 ? 'a' : 'b')));
  expect(new Set(answers)).toEqual(new Set(['allowed denied']));
});

describe("STS refuses, and the role isn't had, with", () => {
  const exchange = (bend: Bend) => {
    const good = { stsUrl: up().url, issuer: issuer.url, keysDir: at('keys'), role: ROLE, walletTag: TAG, wallet: A };
    return exchangeAt(good, bend);
  };
  test('nothing bent: the very same token is taken', async () => {
    const { status, body } = await exchange({});
    expect(status).toBe(200);
    expect(body).toContain('<AccessKeyId>');
  });
  const unknown = `0x${'c'.repeat(40)}`;
  test.each<[string, Bend]>([
    ['a token without tags', { tags: null }],
    ['a tag by another name', { tags: { principal_tags: { wallet: [A] }, transitive_tag_keys: ['wallet'] } }],
    [
      'a further tag that nobody configured',
      { tags: { principal_tags: { [TAG]: [A], admin: ['yes'] }, transitive_tag_keys: [TAG] } },
    ],
    [
      'a wallet in mixed case',
      {
        tags: { principal_tags: { [TAG]: ['0x52908400098527886E0F7030069857D2E4169EE7'] }, transitive_tag_keys: [TAG] },
      },
    ],
    ['a wallet that nobody configured', { tags: { principal_tags: { [TAG]: [unknown] }, transitive_tag_keys: [TAG] } }],
    ['a foreign audience', { audience: 'somebody-else' }],
    ['a foreign key', { foreignKey: true }],
    ['a foreign issuer', { issuer: 'http://127.0.0.1:1' }],
    ['an expired token', { ttl: -10 }],
  ])('%s', async (_, bend) => {
    const { status, body } = await exchange(bend);
    expect([400, 403]).toContain(status);
    expect(body).not.toContain('AccessKeyId');
  });
});

describe('verify', () => {
  const proven = /isolation proven/;
  test.each([
    ['exchange', []],
    ['endpoint', []],
    ['mint-aws-creds', ['--broker', 'BROKER', '--bearer-file', 'bearers/a']],
  ])('says proven, by %s, and the untagged token is refused', async (via, more) => {
    const flags = more.map(flag => (flag === 'BROKER' ? `http://127.0.0.1:${ports.broker}` : flag));
    const done = await verify('--via', via, ...flags);
    expect(done, done.stdout + done.stderr).toMatchObject({ code: 0 });
    expect(done.stdout).toMatch(proven);
    expect(done.stdout).not.toContain('not checked');
    expect(done.stdout).toContain(`✓ GET ${B}/walletcreds-verify, read by scraper-b: AccessDenied`);
    expect(done.stdout.match(/^✓/gm)).toHaveLength(16);
  });

  test('leaves nothing behind, and says proven of objects that it is told of', async () => {
    const keys = async () => {
      const { stdout } = await asAdmin('s3api', 'list-objects-v2', '--bucket', BUCKET, '--query', 'Contents[].Key');
      return JSON.parse(stdout) as string[];
    };
    const before = await keys();
    const done = await verify(...PLANTED, '--json');
    expect(done, done.stdout).toMatchObject({ code: 0 });
    const { notChecked, steps } = JSON.parse(done.stdout);
    expect(notChecked).toEqual([]);
    expect(steps.filter((s: { id: string }) => s.id === 'get-known')).toHaveLength(2);
    expect(await keys()).toEqual(before);
  });

  test('a foreign object that cannot be known of is said to be not checked', async () => {
    const text = readFileSync(at('walletcreds.yaml'), 'utf8');
    writeFileSync(at('alone.yaml'), text.replace(/^ {2}scraper-b:.*\n/m, ''));
    const done = await verify('--config', 'alone.yaml');
    expect(done, done.stdout).toMatchObject({ code: 0 });
    expect(done.stdout).toContain('not checked: GET a foreign object that exists');
  });

  test('a bearer for another wallet proves nothing', async () => {
    const done = await verify(
      '--via',
      'mint-aws-creds',
      '--broker',
      `http://127.0.0.1:${ports.broker}`,
      '--bearer-file',
      'bearers/b',
    );
    expect(done.code).toBe(1);
  });

  test('a bucket that does not exist proves nothing', async () => {
    const done = await cli('verify', 'scraper-a', '--bucket', 'no-such-bucket', '--endpoint-url', up().url, '--json');
    expect(done.code).toBe(1);
    expect(JSON.parse(done.stdout)).toMatchObject({
      verdict: 'inconclusive',
      link: codeUrl('verify-no-bucket'),
    });
  });

  test('a prefix that the policies do not have is exit 4', async () => {
    expect(await verify('--prefix', 'bots/')).toMatchObject({ code: 4 });
  });
});

describe('with s3:* left on the role', () => {
  const broad = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::*' }],
  });
  const left = (document: string) => {
    const policy = ['--policy-name', 'left', '--policy-document', document.replaceAll(' ', '')];
    return asAdmin('iam', 'put-role-policy', '--role-name', ROLE, ...policy);
  };
  beforeAll(async () => {
    if (gateway !== undefined) await left(broad);
  });

  test("the bucket policy's Denies hold: verify says proven", async () => {
    const done = await verify();
    expect(done, done.stdout).toMatchObject({ code: 0 });
  });

  test('a session cannot take the bucket policy away', async () => {
    const done = await run(
      'aws',
      ['--endpoint-url', up().url, 's3api', 'delete-bucket-policy', '--bucket', BUCKET, '--debug'],
      {
        env: appEnv('a'),
        cwd: folder.path,
      },
    );
    expect(done.stderr).toContain('<Code>AccessDenied</Code>');
    expect(await verify()).toMatchObject({ code: 0 });
  });

  test('and doctor finds the grant in the account', async () => {
    const done = await doctorAccount();
    const { findings } = JSON.parse(done.stdout);
    // The bucket's Denies still stand, and can't stop what is asked of no bucket, such as access points.
    expect(findings).toMatchObject([{ code: 'role-broad', severity: 'error' }]);
    expect(findings[0].where).toContain('left');
    expect(done.code).toBe(1);
  });

  test('without the bucket policy verify says broken, exit 3, and names the likely cause', async () => {
    await asAdmin('s3api', 'delete-bucket-policy', '--bucket', BUCKET);
    const done = await verify('--json');
    expect(done.code).toBe(3);
    expect(JSON.parse(done.stdout)).toMatchObject({
      verdict: 'isolation-broken',
      link: codeUrl('verify-isolation-broken'),
    });
    const doctor = await doctorAccount();
    expect(doctor.code).toBe(1);
    expect(JSON.parse(doctor.stdout).findings).toMatchObject([
      { code: 'role-broad', severity: 'error' },
      { code: 'bucket-no-deny' },
    ]);
  });

  const all = 'arn:aws:s3:::*';
  test.each([
    ['s3:GetObject', 'get-foreign', all],
    ['s3:GetObject', 'get-known', `arn:aws:s3:::${BUCKET}/${B}/*`],
    ['s3:PutObject', 'put-foreign', all],
    ['s3:DeleteObject', 'delete-foreign', all],
    ['s3:ListBucket', 'list-foreign', all],
    ['s3:ListBucketVersions', 'list-foreign', all],
    ['s3:ListBucketMultipartUploads', 'list-foreign', all],
  ])('nor is it proven where only %s is left: %s', async (action, id, resource) => {
    await left(broad.replace('s3:*', action).replace(all, resource));
    const done = await verify('--json');
    expect(done.code, done.stdout).toBe(3);
    const { steps } = JSON.parse(done.stdout);
    expect(steps.find((s: { outcome: string }) => s.outcome === 'broken')).toMatchObject({ id });
  });

  test('nor where the bucket lists without a prefix', async () => {
    const document = JSON.parse(broad);
    document.Statement[0].Action = 's3:ListBucket';
    document.Statement[0].Condition = { StringLikeIfExists: { 's3:prefix': 'public/*' } };
    await left(JSON.stringify(document));
    const done = await verify('--json');
    expect(done.code, done.stdout).toBe(3);
    const { steps } = JSON.parse(done.stdout);
    expect(steps.find((s: { outcome: string }) => s.outcome === 'broken')).toMatchObject({ id: 'list-bucket' });
  });

  test('what aws-setup prints, run again, repairs the bucket; and with the grant gone doctor finds nothing', async () => {
    await setUp();
    expect(await verify()).toMatchObject({ code: 0 });
    await asAdmin('iam', 'delete-role-policy', '--role-name', ROLE, '--policy-name', 'left');
    const done = await doctorAccount();
    expect(JSON.parse(done.stdout), done.stdout).toMatchObject({ ok: true, findings: [] });
  });
});

test("--revoke ends a wallet's sessions, and not another's", async () => {
  const printed = await cli('aws-setup', '--dialect', 'ceph', '--revoke', A);
  const done = await run('sh', ['-s'], { env: adminEnv(), cwd: folder.path, input: printed.stdout });
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(await verify()).toMatchObject({ code: 4 });
  const other = await cli('verify', 'scraper-b', '--bucket', BUCKET, '--endpoint-url', up().url);
  expect(other, other.stdout).toMatchObject({ code: 0 });
  expect(existsSync(at('audit.sqlite'))).toBe(true);
});

/**
 * `doctor --account`: the provider, the role, its policies and the bucket's, as IAM and S3 answer about them.
 *
 * @module
 */
import { afterAll, describe, expect, test } from 'vitest';
import { iamEndpoint, s3Endpoint } from '../../src/aws/account.ts';
import type { Send } from '../../src/aws/doctor/checks/issuer.ts';
import { diagnose } from '../../src/aws/doctor/doctor.ts';
import { planOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { OutboundError, type OutboundRequest } from '../../src/lib/http-client.ts';
import { ACCOUNT, type Answer, configOf, createDoctorWorld, NOW, ROLE } from './doctor-world.ts';
import { type ConfigOptions, TAG } from './support.ts';

const { keysDir, world, codes, remove } = await createDoctorWorld();
afterAll(remove);

describe('--account', () => {
  const env = { AWS_ACCESS_KEY_ID: 'AKIAADMIN', AWS_SECRET_ACCESS_KEY: 'secret' };
  const setup = setupOf(configOf(), { bucket: 'data' });
  const enc = (value: unknown) => encodeURIComponent(JSON.stringify(value));
  interface Iam {
    tags?: string;
    role?: unknown;
    attached?: string;
    audiences?: string;
    refuse?: string;
    maxSession?: number;
    arn?: string;
    page?: string;
    /** What the permissions boundary allows. */
    boundary?: readonly string[];
    /** S3's answer about the bucket's policy. */
    bucket?: Answer;
  }
  /** IAM's Query API as it is documented: signed POST forms in, XML out, documents percent-encoded. */
  const iam =
    (account: Iam, asked: string[] = []): Send =>
    async request => {
      if (request.url === 'https://data.s3.us-east-1.amazonaws.com/?policy=') {
        const answer = account.bucket ?? { body: JSON.stringify(documentOf(setup.bucketPolicy)) };
        if (answer instanceof OutboundError) throw answer;
        asked.push(`GetBucketPolicy ${request.headers?.['authorization']?.match(/\/s3\/aws4_request/)}`);
        return { status: 200, headers: {}, body: '', ...answer };
      }
      if (!request.url.startsWith('https://iam.amazonaws.com/')) return world()(request);
      if (account.page !== undefined) return { status: 200, headers: {}, body: account.page };
      const auth = request.headers?.['authorization'] ?? '';
      if (
        !/^AWS4-HMAC-SHA256 Credential=AKIAADMIN\/\d{8}\/us-east-1\/iam\/aws4_request, SignedHeaders=[\w;-]*host[\w;-]*, Signature=[0-9a-f]{64}$/.test(
          auth,
        )
      ) {
        return {
          status: 403,
          headers: {},
          body: '<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>',
        };
      }
      const form = new URLSearchParams(request.body);
      const action = form.get('Action') ?? '';
      asked.push(action);
      if (account.refuse === action) {
        return {
          status: 403,
          headers: {},
          body: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
        };
      }
      const result: Record<string, string> = {
        GetOpenIDConnectProvider: `<Url>oidc.example.com</Url><ClientIDList><member>${account.audiences ?? 'sts.amazonaws.com'}</member></ClientIDList>`,
        GetRole: `<Role><Arn>${account.arn ?? ROLE}</Arn><AssumeRolePolicyDocument>${enc(documentOf(setup.roles[0]?.trust ?? []))}</AssumeRolePolicyDocument><MaxSessionDuration>${account.maxSession ?? 3600}</MaxSessionDuration><Tags>${account.tags ?? ''}</Tags>${account.boundary === undefined ? '' : `<PermissionsBoundary><PermissionsBoundaryArn>arn:aws:iam::aws:policy/boundary</PermissionsBoundaryArn></PermissionsBoundary>`}</Role>`,
        ListRolePolicies:
          '<PolicyNames><member>walletcreds-data</member></PolicyNames><IsTruncated>false</IsTruncated>',
        GetRolePolicy: `<PolicyDocument>${enc(account.role ?? documentOf(setup.roles[0]?.permissions ?? []))}</PolicyDocument>`,
        ListAttachedRolePolicies: `<AttachedPolicies>${account.attached === undefined ? '' : `<member><PolicyName>x</PolicyName><PolicyArn>${account.attached}</PolicyArn></member>`}</AttachedPolicies>`,
        GetPolicy: '<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>',
        GetPolicyVersion: `<PolicyVersion><Document>${enc({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: account.boundary ?? 's3:*', Resource: '*' }] })}</Document></PolicyVersion>`,
      };
      return {
        status: 200,
        headers: {},
        body: `<${action}Response><${action}Result>${result[action]}</${action}Result></${action}Response>`,
      };
    };
  const ask = (account: Iam, config: ConfigOptions = {}) => codes({ account: true, env, send: iam(account) }, config);

  test('an account that was set up with aws-setup has no finding', async () => {
    expect(await ask({})).toEqual([]);
  });
  test('a managed policy with s3:* that somebody attached is found', async () => {
    const asked: string[] = [];
    const send = iam({ attached: 'arn:aws:iam::aws:policy/AmazonS3FullAccess' }, asked);
    expect(await codes({ account: true, env, send })).toContain('error role-broad');
    expect(asked).toContain('GetPolicyVersion');
  });
  test('a role that itself carries the wallet tag is found', async () => {
    expect(await ask({ tags: `<member><Key>${TAG}</Key><Value>0x</Value></member>` })).toEqual(['error role-tagged']);
  });
  test('a provider without the audience, and sessions longer than the role gives', async () => {
    expect(await ask({ audiences: 'other' })).toEqual(['error trust-audience']);
    expect(await ask({ maxSession: 3600 }, { sessionDuration: 7200 })).toEqual(['error account-session-long']);
  });
  test('the bucket’s policy, which the role’s grants lead to, is read and judged with the role’s', async () => {
    const asked: string[] = [];
    const attached = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
    await codes({ account: true, env, send: iam({}, asked) });
    expect(asked).toContain('GetBucketPolicy /s3/aws4_request');
    const none = { status: 404, body: '<Error><Code>NoSuchBucketPolicy</Code></Error>' };
    expect(await ask({ bucket: none })).toEqual(['warning bucket-no-deny']);
    expect(await ask({ attached, bucket: none })).toContain('error role-broad');
    const open = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: '*' }],
    };
    expect(await ask({ bucket: { body: JSON.stringify(open) } })).toContain('error bucket-broad');
    expect(await ask({ bucket: { body: '<html>' } })).toEqual(['error policy-not-json']);
  });
  const xml = (code: string) => ({ status: 403, body: `<Error><Code>${code}</Code></Error>` });
  test.each<[string, Answer, string, string]>([
    ['must not be read', xml('AccessDenied'), 'warning account-bucket', 'AccessDenied'],
    ['is another region’s', xml('AuthorizationHeaderMalformed'), 'warning account-bucket', 'not in us-east-1'],
    ['is where S3 redirects to', new OutboundError('Redirected', 'r'), 'warning account-bucket', 'not in us-east-1'],
    ['is not there', xml('NoSuchBucket'), 'error account-missing', 'there is no bucket data'],
    ['cannot be reached', new OutboundError('TimedOut', 'too late'), 'warning account-bucket', 'too late'],
    ['answers nothing that is S3’s', { status: 502, body: 'Bad gateway' }, 'warning account-bucket', 'HTTP 502'],
  ])('a bucket whose policy %s is said', async (_, bucket, code, said) => {
    const options = {
      configFile: 'w',
      config: configOf({ keysDir }),
      env,
      account: true,
      bucket: 'data',
      now: () => NOW,
    };
    const { findings: found } = await diagnose({ ...options, send: iam({ bucket }) });
    expect(found.map(f => `${f.severity} ${f.code}`)).toEqual([code]);
    expect(found[0]).toMatchObject({ what: expect.stringContaining(said), where: 'S3 GetBucketPolicy data' });
  });
  test('a role of the same name elsewhere is not the role', async () => {
    expect(await ask({ arn: ROLE.replace('role/', 'role/team/') })).toEqual(['error account-missing']);
    expect(await ask({ arn: ROLE.replace(ACCOUNT, '999999999999') })).toEqual(['error account-missing']);
  });
  test('a page that is not IAM’s, with status 200, is not taken for its answer', async () => {
    expect(new Set(await ask({ page: '<html>Log in</html>' }))).toEqual(new Set(['error account-refused']));
  });
  test('Ceph’s own gateway is called as STS is: with its authorities, and over http where that was allowed', async () => {
    const calls: OutboundRequest[] = [];
    const send: Send = async request => {
      calls.push(request);
      return { status: 403, headers: {}, body: '' };
    };
    const config = configOf({ keysDir, roleArn: 'arn:aws:iam:::role/data', stsEndpoint: 'http://rgw.internal:7480' });
    const sts = { ...config.sts, caFile: '/ca.pem', allowInsecureHttp: true };
    await diagnose({ configFile: 'w', config: { ...config, sts }, env, account: true, now: () => NOW, send });
    const iamCalls = calls.filter(call => call.body?.includes('GetRole'));
    expect(iamCalls).toMatchObject([{ url: 'http://rgw.internal:7480/', caFile: '/ca.pem', allowInsecureHttp: true }]);
    const others = calls.filter(call => !call.url.startsWith('http://rgw.internal:7480'));
    expect(others.filter(call => call.caFile !== undefined || call.allowInsecureHttp === true)).toEqual([]);
  });
  test('an STS and an issuer of one’s own are checked, since serve runs with them', async () => {
    const own = { stsEndpoint: 'http://127.0.0.1:9', issuer: 'http://issuer.internal:8091' };
    const found = await ask({ tags: `<member><Key>${TAG}</Key><Value>0x</Value></member>` }, own);
    expect(found).toContain('error role-tagged');
    expect(found).not.toContain('error config-invalid');
  });
  test('a permissions boundary that does not allow the role’s own folder is an error, and one that does is nothing', async () => {
    expect(await ask({ boundary: ['ec2:*'] })).toEqual(['error account-boundary']);
    expect(await ask({ boundary: ['s3:GetObject'] })).toEqual(['error account-boundary']);
    expect(await ask({ boundary: ['s3:*'] })).toEqual([]);
  });
  test('IAM that is not there is unreachable, not a refusal', async () => {
    const send: Send = async request => {
      if (request.url.startsWith('https://iam.')) throw new OutboundError('NetworkError', 'getaddrinfo ENOTFOUND');
      return iam({})(request);
    };
    const found = await codes({ account: true, env, send });
    expect(new Set(found)).toEqual(new Set(['error account-unreachable']));
  });
  test('AWS_ENDPOINT_URL counts for IAM and S3, and the service’s own variable before it', () => {
    const plan = planOf(configOf());
    const told = { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' };
    expect([iamEndpoint(plan, told), s3Endpoint(plan, told)]).toEqual([told.AWS_ENDPOINT_URL, told.AWS_ENDPOINT_URL]);
    const own = { ...told, AWS_ENDPOINT_URL_IAM: 'http://iam', AWS_ENDPOINT_URL_S3: 'http://s3' };
    expect([iamEndpoint(plan, own), s3Endpoint(plan, own)]).toEqual(['http://iam', 'http://s3']);
  });
  test.each([
    ['aws', 'us-east-1', 'https://iam.amazonaws.com'],
    ['aws-cn', 'cn-northwest-1', 'https://iam.cn-north-1.amazonaws.com.cn'],
    ['aws-us-gov', 'us-gov-east-1', 'https://iam.us-gov.amazonaws.com'],
    ['aws-eusc', 'eusc-de-east-1', 'https://iam.eusc-de-east-1.amazonaws.eu'],
    ['aws-iso', 'us-iso-west-1', 'https://iam.us-iso-east-1.c2s.ic.gov'],
  ])('IAM of %s is %s', (partition, region, url) => {
    const plan = planOf(configOf({ roleArn: ROLE.replace('arn:aws:', `arn:${partition}:`), region }));
    expect(iamEndpoint(plan, {})).toBe(url);
    expect(s3Endpoint(plan, {})).toBeUndefined();
  });
  test('what IAM refuses is said, by call', async () => {
    const { findings: found } = await diagnose({
      configFile: 'w',
      config: configOf({ keysDir }),
      env,
      account: true,
      now: () => NOW,
      send: iam({ refuse: 'GetRole' }),
    });
    expect(found).toMatchObject([{ code: 'account-refused', where: 'IAM GetRole agentkeys-data-role' }]);
  });
  test('without credentials it says which variables to set, and asks nothing', async () => {
    expect(await codes({ account: true })).toEqual(['error account-credentials']);
  });
});

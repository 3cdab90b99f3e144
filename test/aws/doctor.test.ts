/**
 * The configuration, keys, tokens, issuer, clock and account, each with what goes wrong there.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { iamEndpoint, s3Endpoint } from '../../src/aws/account.ts';
import type { Send } from '../../src/aws/doctor/checks/issuer.ts';
import { diagnose } from '../../src/aws/doctor/doctor.ts';
import { FINDINGS } from '../../src/aws/doctor/findings.ts';
import type { DoctorOptions } from '../../src/aws/doctor/options.ts';
import { planOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { checklistText } from '../../src/cli/output/checklist.ts';
import { startStsEmulator } from '../../src/emulator/index.ts';
import { generateKey, loadKeys } from '../../src/identity-token/keys/index.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import {
  OutboundError,
  type OutboundRequest,
  type OutboundResponse,
  request as overNetwork,
} from '../../src/lib/http-client.ts';
import { type ConfigOptions, configOf as sampleConfig, TAG, WALLET_A } from './support.ts';

const NOW = Date.UTC(2026, 5, 1);
const ISSUER = 'https://tokens.example.org';
const ACCOUNT = '210987654321';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/agentkeys-data-role`;
/** A configuration that nobody left as the template. */
const configOf = (options: ConfigOptions = {}) => sampleConfig({ issuer: ISSUER, roleArn: ROLE, ...options });
const folder = mkdtempSync(join(tmpdir(), 'walletcreds-doctor-'));
const keysDir = join(folder, 'keys');
let jwks: { keys: Record<string, unknown>[] };
beforeAll(async () => {
  await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
  jwks = JSON.parse(JSON.stringify((await loadKeys(keysDir, 'oidc')).publicJwks(NOW)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What AWS's STS says to whoever signs nothing. */
const REFUSED = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error>
  <RequestId>2b3c</RequestId>
</ErrorResponse>`;

type Answer = Partial<OutboundResponse> | OutboundError;

/** A world in which everything is as it should be, but for what a test bends. */
function world(bent: Record<string, Answer> = {}): Send {
  const good: Record<string, Answer> = {
    [`${ISSUER}/.well-known/openid-configuration`]: {
      body: JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/.well-known/jwks.json` }),
    },
    [`${ISSUER}/.well-known/jwks.json`]: { body: JSON.stringify(jwks) },
    'https://sts.us-east-1.amazonaws.com/': {
      status: 400,
      headers: { date: new Date(NOW).toUTCString() },
      body: REFUSED,
    },
  };
  const answers = { ...good, ...bent };
  return async (request: OutboundRequest) => {
    const answer = answers[request.url.replace(/\?.*/, '')];
    if (answer === undefined)
      throw new OutboundError('NetworkError', `the call to ${request.url} fails with ENOTFOUND`);
    if (answer instanceof OutboundError) throw answer;
    return { status: 200, headers: {}, body: '', ...answer };
  };
}

async function codes(options: Partial<DoctorOptions> = {}, config: ConfigOptions = {}): Promise<string[]> {
  const found = await diagnose({
    configFile: 'walletcreds.yaml',
    config: configOf({ keysDir, ...config }),
    env: {},
    now: () => NOW,
    send: world(),
    bucket: 'data',
    ...options,
  });
  return found.findings.map(f => `${f.severity} ${f.code}`);
}

test('where all is well nothing is found', async () => {
  expect(await codes()).toEqual([]);
});

test("a configuration that doesn't load: each problem is a finding with its line", async () => {
  const error = new ConfigError('walletcreds.yaml', [
    { line: 7, column: 13, key: 'workloads.a.wallet', message: 'a typo' },
    { key: '', message: 'no region' },
  ]);
  const { findings: found } = await diagnose({ configFile: 'walletcreds.yaml', config: { error }, env: {} });
  expect(found.map(f => f.where)).toEqual(['walletcreds.yaml:7:13 workloads.a.wallet', 'walletcreds.yaml']);
  expect(found[0]?.code).toBe('config-invalid');
});

test('sessions under 30 minutes are warned of', async () => {
  expect(await codes({}, { sessionDuration: 900 })).toEqual(['warning session-short']);
  expect(await codes({}, { sessionDuration: 1800 })).toEqual([]);
});

test('keys that are missing, or cannot sign', async () => {
  expect(await codes({}, { keysDir: join(folder, 'none') })).toContain('error keys-unusable');
});

describe('a token from a file', () => {
  const source = (claims: Record<string, unknown> | undefined) => {
    const path = join(folder, 'token');
    writeFileSync(path, claims === undefined ? 'no jwt' : new UnsecuredJWT({ iss: ISSUER, ...claims }).encode());
    return { identityToken: { kind: 'file', path, audience: 'sts.amazonaws.com' } } as const;
  };
  const tags = (value: string) => ({ 'https://aws.amazon.com/tags': { principal_tags: { [TAG]: [value] } } });
  test.each<[string, Record<string, unknown> | undefined, string[]]>([
    ['with its wallet', tags(WALLET_A), []],
    ['with its wallet in the flattened form', { [`https://aws.amazon.com/tags/principal_tags/${TAG}`]: WALLET_A }, []],
    ['without the tags claim', {}, ['error token-untagged']],
    ['with only the bare claim', { [TAG]: WALLET_A }, ['error token-untagged']],
    ['with the wallet in mixed case', tags('0x52908400098527886E0F7030069857D2E4169EE7'), ['error wallet-case']],
    ['that is no JWT', undefined, ['error token-unreadable']],
  ])('%s', async (_, claims, expected) => {
    expect(await codes({}, source(claims))).toEqual(expected);
  });
});

describe('the issuer as STS sees it', () => {
  const discovery = `${ISSUER}/.well-known/openid-configuration`;
  const keysUrl = `${ISSUER}/.well-known/jwks.json`;
  const json = (value: unknown): Answer => ({ body: JSON.stringify(value) });
  const cases: [string, () => Record<string, Answer>, string][] = [
    [
      'not reachable',
      () => ({ [discovery]: new OutboundError('NetworkError', 'ENOTFOUND') }),
      'error issuer-unreachable',
    ],
    ['not found', () => ({ [discovery]: { status: 404 } }), 'error issuer-unreachable'],
    ['redirected', () => ({ [discovery]: new OutboundError('Redirected', '301') }), 'error issuer-redirect'],
    ['answered in HTML', () => ({ [discovery]: { body: '<html>' } }), 'error issuer-not-json'],
    ['without jwks_uri', () => ({ [discovery]: json({ issuer: ISSUER }) }), 'error issuer-not-json'],
    [
      'with a slash in discovery',
      () => ({ [discovery]: json({ issuer: `${ISSUER}/`, jwks_uri: keysUrl }) }),
      'error issuer-mismatch',
    ],
    [
      'with keys that are not reachable',
      () => ({ [keysUrl]: new OutboundError('TimedOut', 'late') }),
      'error issuer-unreachable',
    ],
    [
      'without the signing key',
      () => ({ [keysUrl]: json({ keys: [{ kid: 'other', kty: 'EC' }] }) }),
      'error jwks-key-missing',
    ],
    ['without any key', () => ({ [keysUrl]: json({ keys: [] }) }), 'error jwks-key-missing'],
    [
      'with another key under its kid',
      () => ({ [keysUrl]: json({ keys: [{ ...jwks.keys[0], x: 'AAAA' }] }) }),
      'error jwks-key-missing',
    ],
    [
      'with 101 keys of one kind',
      () => {
        const more = Array.from({ length: 100 }, (_, i) => ({ ...jwks.keys[0], kid: `k${i}` }));
        return { [keysUrl]: json({ keys: [...jwks.keys, ...more] }) };
      },
      'error jwks-too-many',
    ],
    [
      'with the signing key for encryption',
      () => ({ [keysUrl]: json({ keys: [{ ...jwks.keys[0], use: 'enc' }] }) }),
      'error jwks-key-unusable',
    ],
    [
      'with the signing key under another alg',
      () => ({ [keysUrl]: json({ keys: [{ ...jwks.keys[0], alg: 'ES384' }] }) }),
      'error jwks-key-unusable',
    ],
    [
      'with the signing key without verify',
      () => ({ [keysUrl]: json({ keys: [{ ...jwks.keys[0], key_ops: ['encrypt'] }] }) }),
      'error jwks-key-unusable',
    ],
    [
      'with a private key',
      () => ({ [keysUrl]: json({ keys: [{ ...jwks.keys[0], d: 'AAAA' }] }) }),
      'error jwks-private',
    ],
  ];
  test.each(cases)('%s', async (_, bent, expected) => {
    expect(await codes({ send: world(bent()) })).toContain(expected);
  });
  test('an issuer that IAM does not take', async () => {
    expect(await codes({}, { issuer: 'https://oidc.example.com:8443' })).toContain('error issuer-form');
  });
  test('an issuer in a private network, which AWS never reaches, however well this machine does', async () => {
    const issuer = 'https://10.0.0.7';
    const answers = {
      [`${issuer}/.well-known/openid-configuration`]: {
        body: JSON.stringify({ issuer, jwks_uri: `${ISSUER}/.well-known/jwks.json` }),
      },
    };
    expect(await codes({ send: world(answers) }, { issuer })).toEqual(['error issuer-form']);
  });
  test('keys that AWS cannot fetch', async () => {
    const jwks_uri = 'http://127.0.0.1:9110/jwks.json';
    const answers = {
      [`${ISSUER}/.well-known/openid-configuration`]: { body: JSON.stringify({ issuer: ISSUER, jwks_uri }) },
      [jwks_uri]: { body: JSON.stringify(jwks) },
    };
    expect(await codes({ send: world(answers) })).toEqual(['error issuer-form']);
    // Not AWS's to fetch: an emulator beside it, or Ceph.
    const emulator = 'http://127.0.0.1:9111';
    const sts = { status: 403, headers: { date: new Date(NOW).toUTCString() }, body: REFUSED };
    const send = world({ ...answers, [`${emulator}/`]: sts });
    expect(await codes({ send }, { stsEndpoint: emulator })).toEqual([]);
    expect(await codes({ send: world(answers), dialect: 'ceph' })).not.toContain('error issuer-form');
  });
  test('keys without x5c are a warning for Ceph', async () => {
    expect(await codes({ dialect: 'ceph' })).toEqual(['warning jwks-for-ceph']);
  });
});

describe("STS's clock", () => {
  const sts = (answer: Answer) => ({ send: world({ 'https://sts.us-east-1.amazonaws.com/': answer }) });
  const date = new Date(NOW).toUTCString();
  const at = (ms: number) => sts({ status: 403, headers: { date: new Date(NOW + ms).toUTCString() }, body: REFUSED });
  test.each([
    ['an hour behind', -3_600_000, ['error clock-skew']],
    ['an hour ahead', 3_600_000, ['error clock-skew']],
    ['half a minute off', 30_000, ['warning clock-skew']],
    ['right', 2_000, []],
  ])('%s', async (_, ms, expected) => {
    expect(await codes(at(ms))).toEqual(expected);
  });
  test('an STS that cannot be reached', async () => {
    expect(await codes(sts(new OutboundError('TimedOut', 'late')))).toEqual(['error sts-unreachable']);
  });
  test.each<[string, Answer, string]>([
    ['HTML', { status: 200, headers: { date }, body: '<!doctype html><p>Log in</p>' }, 'it answers 200 with HTML'],
    [
      'HTML as XML',
      { status: 403, headers: { date }, body: '<html><Code>A</Code></html>' },
      'it answers 403 with HTML',
    ],
    ['JSON', { status: 403, headers: { date }, body: '{"Code":"A"}' }, 'it answers 403 with JSON'],
    ['an empty body', { status: 200, headers: { date }, body: ' ' }, 'it answers 200 with an empty body'],
    ['a proxy’s text', { status: 502, headers: { date }, body: 'Bad gateway' }, 'it answers 502 with text'],
    ['S3’s error', { status: 405, headers: { date }, body: '<Error><Code>A</Code></Error>' }, "with S3's error"],
    [
      'an error without a code',
      { status: 400, headers: { date }, body: '<ErrorResponse/>' },
      "with XML that isn't STS's",
    ],
    ['other XML', { status: 200, headers: { date }, body: '<?xml version="1.0"?><rss/>' }, "with XML that isn't STS's"],
    ['no Date', { status: 403, body: REFUSED }, 'with no Date that can be read'],
    ['a Date that is none', { status: 403, headers: { date: 'soon' }, body: REFUSED }, 'with no Date that can be read'],
    ['a redirect', new OutboundError('Redirected', 'it redirects'), 'it redirects'],
  ])('%s in STS’s place is an error, and is never taken for STS', async (_, answer, said) => {
    expect(await codes(sts(answer))).toEqual(['error sts-not-sts']);
    const {
      findings: [found],
    } = await diagnose({
      configFile: 'walletcreds.yaml',
      config: configOf({ keysDir }),
      env: {},
      now: () => NOW,
      ...sts(answer),
    });
    expect(found?.what).toContain(said);
    expect(found?.where).toBe('https://sts.us-east-1.amazonaws.com');
  });
  test.each([
    ['one that answers who asks, as other emulators do', '<GetCallerIdentityResponse><x/></GetCallerIdentityResponse>'],
    ['with a declaration before it', `<?xml version="1.0" encoding="UTF-8"?>\n${REFUSED}`],
  ])('an STS: %s', async (_, body) => {
    expect(await codes(sts({ status: 200, headers: { date }, body }))).toEqual([]);
  });
  test('Ceph’s STS, which refuses as S3 does', async () => {
    const ceph = sts({
      status: 403,
      headers: { date },
      body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    });
    expect(await codes({ ...ceph, dialect: 'ceph' })).toEqual(['warning jwks-for-ceph']);
  });
  test('the emulator of `dev`', async () => {
    const emulator = await startStsEmulator();
    const send: Send = request => (request.url.startsWith(emulator.url) ? overNetwork(request) : world()(request));
    const found = await codes({ send, now: Date.now }, { stsEndpoint: emulator.url });
    await emulator.close();
    expect(found).toEqual([]);
  });
});

test('policies that are files are judged, and files that are not there are findings', async () => {
  const trust = documentOf(setupOf(configOf(), { bucket: 'data' }).roles[0]?.trust ?? []);
  const file = join(folder, 'trust.json');
  writeFileSync(file, JSON.stringify(trust).replace(',"sts:TagSession"', ''));
  expect(await codes({ trustPolicy: file })).toEqual(['error trust-tag-session']);
  expect(await codes({ rolePolicy: '/nonexistent', bucketPolicy: folder })).toEqual([
    'error policy-unreadable',
    'error policy-unreadable',
  ]);
  writeFileSync(file, 'x'.repeat(10_000_000));
  expect(await codes({ trustPolicy: file })).toEqual(['error policy-too-large']);
  expect(await codes({ trustPolicy: '/dev/zero' })).toEqual(['error policy-unreadable']);
});

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

test('every finding has its place in the page of symptoms, and the page has no other', () => {
  const page = readFileSync(new URL('../../docs/symptoms.md', import.meta.url), 'utf8');
  const anchors = [...page.matchAll(/<a id="([\w-]+)"><\/a>/g)].map(m => m[1]);
  expect(new Set(anchors).size).toBe(anchors.length);
  // The endpoint's codes begin with a capital letter; verify and STS have prefixes.
  const others = /^(audit-|verify-|sts-|[A-Z])/;
  expect(anchors.filter(a => !others.test(a ?? '')).sort()).toEqual(
    Object.keys(FINDINGS)
      .filter(c => !others.test(c))
      .sort(),
  );
  for (const code of Object.keys(FINDINGS)) expect(anchors).toContain(code);
  const linked = ['s3-response.ts', 'steps.ts', 'result.ts', 'verify.ts'].flatMap(file => [
    ...readFileSync(new URL(`../../src/aws/verify/${file}`, import.meta.url), 'utf8').matchAll(
      /'((?:verify|sts)-[\w-]+)'/g,
    ),
  ]);
  for (const [, anchor] of linked) expect(anchors).toContain(anchor);
});

describe('the checklist', () => {
  const of = async (options: Partial<DoctorOptions> = {}) => {
    const given = { configFile: 'w.yaml', config: configOf({ keysDir }), env: {}, now: () => NOW, send: world() };
    return diagnose({ ...given, ...options });
  };
  const statuses = async (options: Partial<DoctorOptions> = {}) =>
    Object.fromEntries((await of(options)).checks.map(({ name, status, reason }) => [name, reason ?? status]));

  test('has everything that was looked at, and why the rest was not', async () => {
    expect(await statuses()).toEqual({
      'configuration w.yaml': 'ok',
      "this shell's environment": 'ok',
      "an application's environment": 'give --app-env FILE',
      [`signing keys ${keysDir}`]: 'ok',
      [`issuer ${ISSUER}`]: 'ok',
      'STS https://sts.us-east-1.amazonaws.com': 'ok',
      'trust policy': 'give --trust-policy FILE, or --account',
      "the role's and the bucket's policy": 'give --role-policy and --bucket-policy, or --account',
      'the account': 'give --account, with credentials that may read IAM',
      'an exchange at STS for each workload': 'give --exchange',
    });
  });

  test('says that grants are not checked where nobody named the bucket', async () => {
    const file = join(folder, 'broad.json');
    writeFileSync(
      file,
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }),
    );
    const unnamed = await statuses({ rolePolicy: file });
    expect(unnamed[`policies ${file}`]).toBe('ok');
    expect(unnamed[`what ${file} let a session reach`]).toMatch(/give --bucket B and --prefix P/);
    expect(await statuses({ rolePolicy: file, bucket: 'my-data', prefix: 'bots/' })).toMatchObject({
      [`policies ${file}`]: 'error',
    });
  });

  test('finds the account and the issuer that the template has', async () => {
    const { findings } = await of({ config: sampleConfig({ keysDir }), offline: true });
    expect(findings.map(f => `${f.code} ${f.where}`)).toEqual([
      'config-placeholder /etc/walletcreds.yaml role_arn',
      'config-placeholder /etc/walletcreds.yaml identity_token.signer.issuer',
    ]);
  });

  test('is proven only where every workload got credentials', async () => {
    const asked: string[] = [];
    const good = await of({ exchange: async name => void asked.push(name) });
    expect([good.proven, asked]).toEqual([true, ['scraper-a', 'scraper-b']]);
    expect(checklistText(good)).toContain('This would work');
    const bad = await of({
      exchange: name => (name === 'scraper-b' ? Promise.reject(new Error('AccessDenied: no')) : Promise.resolve()),
    });
    expect(bad.proven).toBe(false);
    expect(bad.findings).toMatchObject([{ code: 'exchange-failed', what: 'AccessDenied: no' }]);
    for (const report of [bad, await of()]) expect(checklistText(report)).not.toContain('would work:');
  });
});

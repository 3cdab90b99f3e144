/**
 * The issuer as STS sees it, STS and its clock, each with what goes wrong there.
 *
 * @module
 */
import { afterAll, describe, expect, test } from 'vitest';
import type { Send } from '../../src/aws/doctor/checks/issuer.ts';
import { diagnose } from '../../src/aws/doctor/doctor.ts';
import { startStsEmulator } from '../../src/emulator/index.ts';
import { OutboundError, request as overNetwork } from '../../src/lib/http-client.ts';
import { type Answer, configOf, createDoctorWorld, ISSUER, NOW, REFUSED } from './doctor-world.ts';

const { keysDir, jwks, world, codes, remove } = await createDoctorWorld();
afterAll(remove);

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

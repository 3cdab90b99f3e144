/**
 * An exchange with STS: the call, the responses, the errors.
 *
 * @module
 */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lifeLeft, lifetime } from '../../../src/credentials/credentials.ts';
import { createExchange, type StsExchange } from '../../../src/credentials/sts/create-exchange.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { StsRefused, StsUnavailable } from '../../../src/lib/errors.ts';
import { parseRoleArn } from '../../../src/workload/role-arn.ts';
import { sessionNameOf } from '../../../src/workload/workload.ts';
import { workload } from '../../support/workload.ts';
import { type FakeSts, fakeSts, type Grant, granted, grantedXml, raw, refused, refusedByCeph } from './fake-sts.ts';
import { failureOf, identityToken, JWT, silent, stsConfig } from './support.ts';

let sts: FakeSts;
let exchange: StsExchange;

beforeEach(async () => {
  sts = await fakeSts();
  exchange = createExchange({ sts: stsConfig(sts.url), region: 'us-east-1', clock: systemClock, log: silent });
});
afterEach(async () => {
  exchange.close();
  await sts.close();
});

const call = (w = workload()) => exchange.exchange(w, identityToken());
const failure = (w = workload()) => failureOf(call(w));

describe('the call', () => {
  test('asks for the role, session name, duration and JWT of the workload, and nothing else', async () => {
    const w = workload({ sessionDuration: 900 });
    await call(w);
    const [request] = sts.requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/');
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: w.role.arn,
      RoleSessionName: sessionNameOf(w),
      WebIdentityToken: JWT,
      DurationSeconds: '900',
    });
  });

  test('carries the session policy of a workload that has one', async () => {
    const sessionPolicy =
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/+& é"}]}';
    await call(workload({ sessionPolicy }));
    expect(sts.requests[0]?.form.get('Policy')).toBe(sessionPolicy);
  });

  test('gives what STS gave, with the lifetime by STS’s own clock', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    sts.answer = granted({
      date: new Date(now - 7_000).toUTCString(),
      expiration: new Date(now + 3_593_000).toISOString(),
      subject: identityToken().subject,
    });
    const got = await call();
    expect(got).toMatchObject({
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY',
      sessionToken: 'AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE==',
      expiration: now + 3_593_000,
      stsDate: now - 7_000,
      roleArn: 'arn:aws:iam::123456789012:role/agentkeys-data-role',
      accountId: '123456789012',
      sessionName: sessionNameOf(workload()),
      requestId: 'ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE',
    });
    expect(lifetime(got)).toBe(3_600_000);
    expect(lifeLeft(got, systemClock)).toBeLessThanOrEqual(3_593_000);
  });

  test('counts the life left from before the call, so a machine that sleeps during it vends nothing expired', async () => {
    let slept = 0;
    const now = Math.floor(Date.now() / 1000) * 1000;
    // The wall clock is set wrong as well, so that it doesn't notice.
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + slept };
    sts.server.once('request', () => {
      slept = 2 * 3_600_000;
    });
    sts.answer = granted({
      date: new Date(now).toUTCString(),
      expiration: new Date(now + 3_600_000).toISOString(),
      subject: identityToken().subject,
    });
    const sleeping = createExchange({ sts: stsConfig(sts.url), region: 'us-east-1', clock, log: silent });
    const error = await failureOf(sleeping.exchange(workload(), identityToken()));
    sleeping.close();
    expect(error.message).toContain('it had expired already');
  });

  test('is one call: a failure is not retried here', async () => {
    sts.answer = refused(500, 'InternalFailure');
    await failure();
    expect(sts.requests).toHaveLength(1);
  });

  test('shares its connection with a call that follows at once', async () => {
    let connections = 0;
    sts.server.on('connection', () => connections++);
    await call();
    await call();
    expect(connections).toBe(1);
  });

  test('keeps no idle connection, which STS could close just before it is used again', async () => {
    const closed: Promise<unknown>[] = [];
    sts.server.on('connection', socket => closed.push(once(socket, 'close')));
    // Longer than any test lasts: it is the client that closes.
    sts.server.keepAliveTimeout = 60_000;
    await call();
    await closed[0];
    await call();
    expect(closed).toHaveLength(2);
  });
});

test('an endpoint over plain http is refused, but on loopback or where the configuration allows it', () => {
  const make = (endpoint: string, allowInsecureHttp = false) =>
    createExchange({
      sts: stsConfig(endpoint, { allowInsecureHttp }),
      region: 'us-east-1',
      clock: systemClock,
      log: silent,
    });
  expect(() => make('http://sts.example.com')).toThrow('allow_insecure_http');
  expect(() => make('ftp://sts.example.com')).toThrow('https');
  make('http://sts.example.com', true).close();
  make('http://[::1]:8000').close();
});

describe('Ceph’s shapes', () => {
  test('an Expiration with nine decimals, a role path in the ARN and no account id are taken', async () => {
    const w = workload({ role: parseRoleArn('arn:aws:iam:::role/bots/S3Access') });
    const expiration = new Date(Date.now() + 900_000).toISOString().replace('Z', '123456Z');
    sts.answer = granted({
      expiration,
      accessKeyId: '8rNb3Zz8ZkQ0OrzZkGfF',
      arn: `arn:aws:sts:::assumed-role/bots/S3Access/${sessionNameOf(w)}`,
      contentType: 'application/xml',
    });
    const got = await call(w);
    expect(got.expiration).toBe(Date.parse(expiration.replace(/123456Z$/, 'Z')));
    expect(got.accountId).toBe('');
  });

  test.each([
    [403, 'AccessDenied', StsRefused],
    [400, 'InvalidArgument', StsRefused],
    [503, 'SlowDown', StsUnavailable],
    [500, 'InternalError', StsUnavailable],
  ])('%i %s is read out of the S3-style error document', async (status, code, kind) => {
    sts.answer = refusedByCeph(status, code);
    const error = await failure();
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(code);
    expect(error.requestId).toBe('tx00000b-0065-default');
  });
});

describe('STS’s errors', () => {
  const FINAL: [number, string][] = [
    [403, 'AccessDenied'],
    [400, 'InvalidIdentityToken'],
    [400, 'ExpiredTokenException'],
    [403, 'IDPRejectedClaim'],
    [400, 'MalformedPolicyDocument'],
    [400, 'PackedPolicyTooLarge'],
    [403, 'RegionDisabledException'],
    [400, 'ValidationError'],
  ];
  const TRANSIENT: [number, string][] = [
    [400, 'IDPCommunicationError'],
    [400, 'Throttling'],
    [400, 'ThrottlingException'],
    [429, 'ThrottledException'],
    [400, 'RequestLimitExceeded'],
    [400, 'TooManyRequestsException'],
    [429, 'AnythingAtAll'],
    [503, 'ServiceUnavailable'],
    [500, 'InternalFailure'],
    [500, 'AccessDenied'],
    [504, ''],
  ];
  test.each(FINAL)('%i %s is final, with STS’s own code and text', async (status, code) => {
    sts.answer = refused(status, code, 'Not authorized &amp; never will be');
    const error = await failure();
    expect(error).toBeInstanceOf(StsRefused);
    expect(error).toMatchObject({ code, status: 403, requestId: 'c6104cbe-af31-11e0-8154-cbc7ccf896c7' });
    expect(error.message).toContain('Not authorized & never will be');
  });
  test.each(TRANSIENT)('%i %s is transient, and no throttle code gets onto a 4xx', async (status, code) => {
    sts.answer = refused(status, code);
    expect(await failure()).toMatchObject({ code: 'StsUnavailable', status: 503, transient: true });
  });
  test.each(['Couldn&apos;t', 'Couldn&#39;t', "Couldn't"])(
    'an issuer whose key STS could not fetch in time is transient: InvalidIdentityToken with %s retrieve …',
    async couldNot => {
      const text = `${couldNot} retrieve verification key from your identity provider, please reference the documentation`;
      sts.answer = refused(400, 'InvalidIdentityToken', text);
      expect(await failure()).toMatchObject({ code: 'StsUnavailable', status: 503, transient: true, throttled: false });
    },
  );
  test('every other InvalidIdentityToken is final', async () => {
    for (const text of [
      'No OpenIDConnect provider found in your account',
      'x Couldn&apos;t retrieve verification key',
    ]) {
      sts.answer = refused(400, 'InvalidIdentityToken', text);
      expect(await failure()).toMatchObject({ code: 'InvalidIdentityToken', status: 403, transient: false });
    }
  });
  test('what asks STS too often is told from other transient failures', async () => {
    const found: [string, boolean][] = [];
    for (const [status, code] of TRANSIENT) {
      sts.answer = refused(status, code);
      const error = await failure();
      found.push([`${status} ${code}`, error instanceof StsUnavailable && error.throttled]);
    }
    const throttled = (name: string) => /Throttl|TooMany|RequestLimit|429/.test(name);
    expect(found).toEqual(found.map(([name]) => [name, throttled(name)]));
  });
  test('a JWT that STS quotes in its message is masked', async () => {
    sts.answer = refused(400, 'InvalidIdentityToken', `couldn't use ${JWT}`);
    expect((await failure()).message).toContain('[jwt]');
  });
  test.each([
    [403, 'AccessDenied'],
    [400, 'StsRefused'],
  ])('an HTML %i without a code is final by its status', async (status, code) => {
    sts.answer = raw(status, 'text/html', '<html><body>Forbidden</body></html>');
    expect(await failure()).toMatchObject({ code, transient: false });
  });
  test('a 404 that isn’t STS’s is no answer of STS: transient', async () => {
    sts.answer = raw(404, 'text/html', '<html>Not found</html>');
    expect(await failure()).toBeInstanceOf(StsUnavailable);
  });
});

describe('an answer that can’t be vended is an error, never credentials', () => {
  const cases: [string, Grant, RegExp][] = [
    ['no AccessKeyId', { without: ['AccessKeyId'] }, /AccessKeyId/],
    ['no SecretAccessKey', { without: ['SecretAccessKey'] }, /SecretAccessKey/],
    ['no SessionToken', { without: ['SessionToken'] }, /SessionToken/],
    ['no Expiration', { without: ['Expiration'] }, /Expiration/],
    ['an empty AccessKeyId', { accessKeyId: '' }, /AccessKeyId/],
    ['a line break in the token', { sessionToken: 'a&#10;b' }, /SessionToken/],
    ['a text as Expiration', { expiration: 'tomorrow' }, /read|Expiration/],
    ['an impossible date', { expiration: '2026-13-45T99:00:00Z' }, /read|Expiration/],
    ['already expired', { expiration: '2020-01-01T00:00:00Z' }, /expired/],
    ['no AssumedRoleUser', { arn: null }, /AssumedRoleUser/],
    [
      'another role',
      { arn: `arn:aws:sts::123456789012:assumed-role/admin/${sessionNameOf(workload())}` },
      /AssumedRoleUser/,
    ],
    [
      'the role in another partition',
      { arn: `arn:aws-cn:sts::123456789012:assumed-role/agentkeys-data-role/${sessionNameOf(workload())}` },
      /AssumedRoleUser/,
    ],
    [
      'an Expiration beyond all that was asked for',
      { expiration: '9999-12-31T00:00:00Z' },
      /far longer than was asked/,
    ],
    [
      'another session of the role',
      { arn: 'arn:aws:sts::123456789012:assumed-role/agentkeys-data-role/0xdeadbeef@scraper-a' },
      /AssumedRoleUser/,
    ],
    [
      'the role in another account',
      { arn: `arn:aws:sts::999999999999:assumed-role/agentkeys-data-role/${sessionNameOf(workload())}` },
      /AssumedRoleUser/,
    ],
    ['another subject', { subject: 'agentkeys:agent:0xdeadbeef' }, /SubjectFromWebIdentityToken/],
    ['JSON by its Content-Type', { contentType: 'application/json' }, /Content-Type/],
  ];
  test.each(cases)('%s', async (_, grant, message) => {
    sts.answer = granted(grant);
    const error = await failure();
    expect(error).toBeInstanceOf(StsUnavailable);
    expect(error.message).toMatch(message);
  });

  test('a Date that makes them live longer than was asked for is not believed', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    sts.answer = granted({
      date: new Date(now - 10_800_000).toUTCString(),
      expiration: new Date(now + 3_600_000).toISOString(),
    });
    expect(lifetime(await call())).toBe(3_600_000);
  });

  test('a clock that is an hour ahead is named', async () => {
    const now = Date.now();
    sts.answer = granted({
      date: new Date(now - 3_600_000).toUTCString(),
      expiration: new Date(now - 10_000).toISOString(),
    });
    expect((await failure()).message).toMatch(/clock is 360\d s ahead/);
  });

  test.each([
    ['HTML', 'text/html', '<html><body>hello</body></html>'],
    ['HTML that calls itself XML', 'text/xml', '<html><body>hello<br></body></html>'],
    ['nothing', 'text/xml', ''],
    ['no XML', 'text/xml', 'oops'],
    [
      'another document',
      'text/xml',
      '<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>',
    ],
    [
      'an empty result',
      'text/xml',
      '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult/></AssumeRoleWithWebIdentityResponse>',
    ],
    ['JSON', 'text/xml', '{"Credentials":{"AccessKeyId":"ASIA"}}'],
    ['a deep nest', 'text/xml', '<a>'.repeat(50_000)],
  ])('200 with %s', async (_, type, body) => {
    sts.answer = raw(200, type, body);
    expect(await failure()).toBeInstanceOf(StsUnavailable);
  });

  test.each([
    ['a document type', (xml: string) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}`],
    ['a CDATA section', (xml: string) => xml.replace('<SecretAccessKey>', '<SecretAccessKey><![CDATA[x]]>')],
    ['a comment', (xml: string) => xml.replace('<SessionToken>', '<SessionToken><!-- x -->')],
  ])('XML with %s, which readers may take in different ways', async (_, change) => {
    sts.answer = (request, response) =>
      void response.setHeader('content-type', 'text/xml').end(change(grantedXml(request)));
    expect((await failure()).message).toContain('a declaration');
  });

  test('XML that is cut at any place', async () => {
    const whole = grantedXml({ method: '', path: '', headers: {}, form: new URLSearchParams() });
    for (const at of [1, 20, 200, 500, whole.length - 5]) {
      sts.answer = raw(200, 'text/xml', whole.slice(0, at));
      expect(await failure()).toBeInstanceOf(StsUnavailable);
    }
  });

  test('more than 256 KiB, on a success and on an error', async () => {
    const huge = Buffer.alloc(300 * 1024, 'x');
    sts.answer = raw(200, 'text/xml', huge);
    expect((await failure()).message).toContain('256 KiB');
    sts.answer = raw(403, 'text/xml', huge);
    expect(await failure()).toBeInstanceOf(StsUnavailable);
  });
});

import { describe, expect, it } from 'vitest';
import { walletTrustPolicy } from '../../src/emulator/index.ts';
import { ACCOUNT, ISSUER, ROLE, setUp, sign, TAGS, WALLET, WALLET_TAG } from './support.ts';

describe('AssumeRoleWithWebIdentity', () => {
  it('answers a good token with credentials in the documented XML', async () => {
    const { assume, sts, clock } = setUp();
    const answer = await assume();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/xml');
    expect(answer.headers.get('x-amzn-requestid')).toBe(answer.get('RequestId'));
    expect(answer.headers.get('date')).toBe(new Date(clock.wall()).toUTCString());
    expect(answer.xml).toMatch(
      /^<AssumeRoleWithWebIdentityResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">/,
    );
    expect(answer.get('AccessKeyId')).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(answer.get('SecretAccessKey')).toHaveLength(40);
    expect(answer.get('Expiration')).toBe('2026-01-01T01:00:00Z');
    expect(answer.get('SubjectFromWebIdentityToken')).toBe(`agentkeys:agent:${WALLET}`);
    expect(answer.get('Audience')).toBe('sts.amazonaws.com');
    expect(answer.get('Provider')).toBe(`arn:aws:iam::${ACCOUNT}:oidc-provider/issuer.example/walletcreds`);
    expect(answer.get('Arn')).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/data-role/${WALLET}@scraper-a`);
    expect(answer.get('AssumedRoleId')).toMatch(/^AROA[A-Z2-7]{17}:0x/);
    expect(Number(answer.get('PackedPolicySize'))).toBeGreaterThan(0);
    // In the service model's order.
    expect([...answer.xml.matchAll(/<(\w+)>/g)].map(([, name]) => name)).toEqual([
      'AssumeRoleWithWebIdentityResult',
      ...['Credentials', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'],
      ...['SubjectFromWebIdentityToken', 'AssumedRoleUser', 'AssumedRoleId', 'Arn'],
      ...['PackedPolicySize', 'Provider', 'Audience'],
      ...['ResponseMetadata', 'RequestId'],
    ]);
    const session = sts.sessions.get(answer.get('AccessKeyId') ?? '');
    expect(session).toMatchObject({ roleArn: ROLE, principalTags: { [WALLET_TAG]: WALLET, Stage: 'test' } });
    expect(session?.transitiveTagKeys).toEqual([WALLET_TAG]);
  });

  it('never hands out the same credentials twice', async () => {
    const { assume } = setUp();
    const answers = await Promise.all(Array.from({ length: 20 }, () => assume()));
    for (const part of ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'RequestId']) {
      expect(new Set(answers.map(answer => answer.get(part))).size).toBe(20);
    }
  });

  it('takes GET as well as POST', async () => {
    const { sts, claims } = setUp();
    const query = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'me',
      WebIdentityToken: await sign(claims()),
    });
    expect((await sts.app.request(`http://sts.local/?${query}`)).status).toBe(200);
  });

  it('counts calls, and remembers whether they were signed, without any secret', async () => {
    const { assume, sts } = setUp();
    const answer = await assume();
    expect(sts.calls).toHaveLength(1);
    expect(sts.calls[0]).toMatchObject({
      action: 'AssumeRoleWithWebIdentity',
      signed: false,
      status: 200,
      roleArn: ROLE,
      accessKeyId: answer.get('AccessKeyId'),
    });
    const told = JSON.stringify([sts.calls, [...sts.sessions]]);
    for (const secret of ['SecretAccessKey', 'SessionToken']) expect(told).not.toContain(answer.get(secret) ?? '-');
    expect(told).not.toContain('eyJ');
  });

  it.each([
    [
      'no RoleArn',
      { RoleArn: undefined },
      'ValidationError',
      "'roleArn' failed to satisfy constraint: Member must not be null",
    ],
    [
      'an ARN of something else',
      { RoleArn: `arn:aws:iam::${ACCOUNT}:user/somebody` },
      'ValidationError',
      'ARN is invalid',
    ],
    ['no session name', { RoleSessionName: undefined }, 'ValidationError', 'roleSessionName'],
    ['a session name of one letter', { RoleSessionName: 'a' }, 'ValidationError', 'greater than or equal to 2'],
    ['a session name of 65', { RoleSessionName: 'a'.repeat(65) }, 'ValidationError', 'less than or equal to 64'],
    ['a session name with a slash', { RoleSessionName: 'a/b' }, 'ValidationError', 'regular expression'],
    ['no token', { WebIdentityToken: undefined }, 'ValidationError', 'webIdentityToken'],
    [
      'a token of 20,001 characters',
      { WebIdentityToken: 'x'.repeat(20_001) },
      'ValidationError',
      "Value '***' at 'webIdentityToken'",
    ],
    ['899 seconds', { DurationSeconds: '899' }, 'ValidationError', 'greater than or equal to 900'],
    ['43,201 seconds', { DurationSeconds: '43201' }, 'ValidationError', 'less than or equal to 43200'],
    [
      'more than the role allows',
      { DurationSeconds: '3601' },
      'ValidationError',
      'exceeds the MaxSessionDuration set for this role',
    ],
    ['a duration in words', { DurationSeconds: '1h' }, 'ValidationError', 'integer'],
    ['a policy that is no JSON', { Policy: '{' }, 'MalformedPolicyDocument', 'invalid Json'],
    [
      'a policy with a principal',
      { Policy: policy({ Principal: '*' }) },
      'MalformedPolicyDocument',
      'should not specify a principal',
    ],
    ['a policy without resource', { Policy: policy({ Resource: undefined }) }, 'MalformedPolicyDocument', 'resources'],
    ['a policy with an unknown element', { Policy: policy({ Actoin: 's3:*' }) }, 'MalformedPolicyDocument', 'Syntax'],
    ['a policy of 2,049 characters', { Policy: ' '.repeat(2049) }, 'ValidationError', 'less than or equal to 2048'],
  ])('refuses %s', async (_, params, code, message) => {
    const { assume, sts } = setUp();
    const answer = await assume(undefined, params);
    expect([answer.status, answer.get('Code')]).toEqual([400, code]);
    expect(answer.xml.replaceAll('&apos;', "'")).toContain(message);
    expect(answer.get('Type')).toBe('Sender');
    expect(sts.sessions.size).toBe(0);
  });

  it('counts inline and managed session policies together, to 2,048 characters', async () => {
    const arn = `arn:aws:iam::${ACCOUNT}:policy/${'p'.repeat(100)}`;
    const padded = (length: number) => policy({}).padEnd(length, ' ');
    const both = (length: number) => ({ Policy: padded(length), 'PolicyArns.member.1.arn': arn });
    expect((await setUp().assume(undefined, both(2048 - arn.length))).status).toBe(200);
    const answer = await setUp().assume(undefined, both(2049 - arn.length));
    expect([answer.status, answer.get('Code')]).toEqual([400, 'ValidationError']);
  });

  it('tells every violated constraint at once', async () => {
    const answer = await setUp().assume(undefined, { RoleSessionName: '/', DurationSeconds: '1' });
    expect(answer.get('Message')).toMatch(/^3 validation errors detected: /);
  });

  it('gives the duration that was asked for, from 900 seconds to what the role allows', async () => {
    const { assume } = setUp();
    expect((await assume(undefined, { DurationSeconds: '900' })).get('Expiration')).toBe('2026-01-01T00:15:00Z');
    expect((await assume(undefined, { DurationSeconds: '3600' })).get('Expiration')).toBe('2026-01-01T01:00:00Z');
  });

  it('keeps a session policy, and refuses one that packs too large together with the tags', async () => {
    const { assume, sts, claims } = setUp();
    const answer = await assume(undefined, { Policy: policy({}) });
    expect(sts.sessions.get(answer.get('AccessKeyId') ?? '')?.policy).toBe(policy({}));
    const noise = (i: number) =>
      Array.from({ length: 5 }, (_, j) =>
        Math.abs(Math.sin(i * 7 + j))
          .toString(36)
          .slice(2),
      ).join('');
    const many = Object.fromEntries(
      Array.from({ length: 49 }, (_, i) => [`t${i}`, noise(i).padEnd(256, noise(i + 99))]),
    );
    const token = await sign(claims({ [TAGS]: { principal_tags: { ...many, [WALLET_TAG]: WALLET } } }));
    const tooLarge = await assume(token);
    expect([tooLarge.status, tooLarge.get('Code')]).toEqual([400, 'PackedPolicyTooLarge']);
  });

  // As the service model of the SDKs has them.
  it.each([
    ['MalformedPolicyDocument', 400, 'Sender'],
    ['PackedPolicyTooLarge', 400, 'Sender'],
    ['IDPRejectedClaim', 403, 'Sender'],
    ['IDPCommunicationError', 400, 'Sender'],
    ['InvalidIdentityToken', 400, 'Sender'],
    ['ExpiredTokenException', 400, 'Sender'],
    ['RegionDisabledException', 403, 'Sender'],
    ['Throttling', 400, 'Sender'],
    ['ServiceUnavailable', 503, 'Receiver'],
    ['InternalFailure', 500, 'Receiver'],
  ])('fails with the status that AWS has for %s, where a test asks for that failure', async (code, status, type) => {
    const { assume, sts } = setUp();
    sts.fail({ code });
    const answer = await assume();
    expect([answer.status, answer.get('Code'), answer.get('Type')]).toEqual([status, code, type]);
    expect((await assume()).status).toBe(200);
    sts.fail({ code, status: 418 });
    expect((await assume()).status).toBe(418);
  });

  it('tells a role that is not there exactly what it tells one that does not trust', async () => {
    const answer = await setUp().assume(undefined, { RoleArn: `arn:aws:iam::${ACCOUNT}:role/nobody` });
    expect([answer.status, answer.get('Code')]).toEqual([403, 'AccessDenied']);
    expect(answer.get('Message')).toBe('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  });

  it.each(['aws-cn', 'aws-us-gov'])('stays in the partition of its roles: %s', async partition => {
    const arn = `arn:${partition}:iam::${ACCOUNT}:role/data-role`;
    const { assume, sts } = setUp({
      roles: [{ arn, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER, partition }) }],
    });
    const answer = await assume(undefined, { RoleArn: arn });
    expect(answer.get('Arn')).toBe(`arn:${partition}:sts::${ACCOUNT}:assumed-role/data-role/${WALLET}@scraper-a`);
    expect(answer.get('Provider')).toBe(`arn:${partition}:iam::${ACCOUNT}:oidc-provider/issuer.example/walletcreds`);
    expect(sts.providerArn(ISSUER)).toBe(answer.get('Provider'));
    expect(sts.putRole({ name: 'next', trustPolicy: trusting(sts.providerArn(ISSUER)) })).toBe(
      `arn:${partition}:iam::${ACCOUNT}:role/next`,
    );
  });

  it('knows only its own account, in the name of the issuers that were registered', async () => {
    const { assume, sts } = setUp();
    sts.putRole({
      name: 'foreign',
      trustPolicy: trusting('arn:aws:iam::999999999999:oidc-provider/issuer.example/walletcreds'),
    });
    const answer = await assume(undefined, { RoleArn: `arn:aws:iam::${ACCOUNT}:role/foreign` });
    expect(answer.get('Code')).toBe('AccessDenied');
    sts.putRole({ name: 'foreign', trustPolicy: trusting(sts.providerArn(ISSUER)) });
    expect((await assume(undefined, { RoleArn: `arn:aws:iam::${ACCOUNT}:role/foreign` })).status).toBe(200);
  });
});

function trusting(federated: string) {
  return {
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: { Federated: federated }, Action: ['sts:*'] },
  };
}

function policy(change: Record<string, unknown>): string {
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::b/${WALLET}/*`, ...change };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

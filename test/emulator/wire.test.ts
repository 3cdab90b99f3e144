import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStsEmulator } from '../../src/emulator/index.ts';
import { MAX_BODY_BYTES } from '../../src/emulator/query.ts';
import { escapeXml } from '../../src/emulator/xml.ts';
import { ROLE, readAnswer, setUp } from './support.ts';

describe('the query protocol', () => {
  const Version = '2011-06-15';
  it.each<[string, Record<string, string>, number, string, string]>([
    ['no action', { Version }, 400, 'MissingAction', 'Action'],
    [
      'an unknown action',
      { Action: 'GetSessionToken', Version },
      400,
      'InvalidAction',
      'Could not find operation GetSessionToken for version 2011-06-15',
    ],
    ['an action of the prototype', { Action: 'constructor', Version }, 400, 'InvalidAction', 'constructor'],
    ['no version', { Action: 'GetCallerIdentity' }, 400, 'InvalidAction', 'NO_VERSION_SPECIFIED'],
    ['another version', { Action: 'GetCallerIdentity', Version: '2010-05-08' }, 400, 'InvalidAction', '2010-05-08'],
    ['a plain AssumeRole', { Action: 'AssumeRole', Version, RoleArn: ROLE }, 403, 'AccessDenied', 'sts:AssumeRole'],
  ])('refuses %s', async (_, params, status, code, message) => {
    const answer = await setUp().post(params);
    expect([answer.status, answer.get('Code')]).toEqual([status, code]);
    expect(answer.get('Message')).toContain(message);
  });

  it.each([
    ['bad percent encoding', 'Action=%zz'],
    ['bad UTF-8', 'Action=%ff'],
    ['a parameter that comes twice', 'Action=GetCallerIdentity&Action=AssumeRole'],
  ])('refuses %s', async (_, body) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { sts } = setUp();
    const answer = await readAnswer(await sts.app.request('http://sts/', { method: 'POST', body, headers }));
    expect([answer.status, answer.get('Code')]).toEqual([404, 'MalformedQueryString']);
  });

  it('refuses a parameter that is in the query and in the body', async () => {
    const { sts } = setUp();
    const body = new URLSearchParams({ Action: 'AssumeRole' });
    const answer = await readAnswer(
      await sts.app.request('http://sts/?Action=GetCallerIdentity', { method: 'POST', body }),
    );
    expect(answer.get('Code')).toBe('MalformedQueryString');
  });

  it('stops reading a body at its limit', async () => {
    const answer = await setUp().post({ Action: 'x'.repeat(MAX_BODY_BYTES) });
    expect([answer.status, answer.get('Code')]).toEqual([413, 'RequestEntityTooLarge']);
  });

  it('answers any input with XML, never with a crash', async () => {
    const { sts } = setUp();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async body => {
        const response = await sts.app.request('http://sts/', { method: 'POST', body });
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(response.status).toBeLessThan(500);
        expect(await response.text()).toMatch(/<Code>\w+<\/Code>/);
      }),
    );
  });

  it('holds its answer back for as long as it was told', async () => {
    const { post, clock } = setUp({ latencyMs: 3_000 });
    let done = false;
    const answered = post({ Version }).then(() => {
      done = true;
    });
    await clock.advance(2_999);
    expect(done).toBe(false);
    await clock.advance(1);
    await answered;
  });
});

describe('XML', () => {
  it('escapes what a caller sends', async () => {
    const answer = await setUp().post({ Action: `<a href="x">&'`, Version: '2011-06-15' });
    expect(answer.get('Message')).toBe(
      'Could not find operation &lt;a href=&quot;x&quot;&gt;&amp;&apos; for version 2011-06-15',
    );
  });

  it('never lets markup or a forbidden character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const escaped = escapeXml(text);
        expect(escaped).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|apos);)/);
        expect([...escaped].every(c => c >= ' ' || '\t\n\r'.includes(c))).toBe(true);
        expect(escaped).not.toMatch(/\p{Surrogate}/u);
      }),
    );
  });
});

describe('options', () => {
  const trustPolicy = { Version: '2012-10-17', Statement: { Effect: 'Deny', Principal: '*', Action: 'sts:*' } };
  it('take the account from a role’s ARN, and 000000000000 without any', () => {
    expect(createStsEmulator().accountId).toBe('000000000000');
    expect(createStsEmulator({ roles: [{ arn: ROLE, trustPolicy }] }).accountId).toBe('123456789012');
  });

  it.each([
    ['an account of 11 digits', { accountId: '12345678901' }, /12 digits/],
    ['an issuer that is no URL', { issuers: [{ issuer: 'a', audiences: ['x'] }] }, /http\(s\) URL/],
    ['an issuer without audience', { issuers: [{ issuer: 'https://a', audiences: [] }] }, /at least one audience/],
    ['a role without a name', { roles: [{ trustPolicy }] }, /give each a name/],
    [
      'a role of another account',
      { accountId: '000000000000', roles: [{ arn: ROLE, trustPolicy }] },
      /not in the account/,
    ],
    ['a session of 30 minutes', { roles: [{ name: 'r', maxSessionDuration: 1800, trustPolicy }] }, /3600 to 43200/],
    ['a policy that is no JSON', { roles: [{ name: 'r', trustPolicy: 'x' }] }, /roles: r: trustPolicy: it is not JSON/],
  ])('refuse %s, and say how to fix it', (_, options, message) => {
    expect(() => createStsEmulator(options)).toThrow(message);
  });
});

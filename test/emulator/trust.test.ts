import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Context, holds } from '../../src/aws/iam/evaluate.ts';
import { compile, matches } from '../../src/aws/iam/pattern.ts';
import { webIdentityContext } from '../../src/aws/iam/web-identity.ts';
import { allows, isProvider, parseTrustPolicy } from '../../src/emulator/trust.ts';

const ARN = 'arn:aws:iam::000000000000:oidc-provider/idp.example';
const ACTION = 'sts:AssumeRoleWithWebIdentity';

const context = webIdentityContext({
  host: 'idp.example',
  providerArn: ARN,
  audience: 'sts.amazonaws.com',
  subject: 'agentkeys:agent:0xaa',
  tags: { wallet: '0xaa', Team: 'Ingest' },
  transitiveTagKeys: ['wallet'],
  sessionName: '0xaa@scraper',
  more: { 'idp.example:amr': ['pwd', 'mfa'], 'aws:SourceIp': '10.42.1.7', 'aws:UserAgent': 'test' },
});

/** Whether one Allow with this condition lets the request in. */
function allowed(Condition: unknown, options: { version?: string; statement?: object; more?: object[] } = {}): boolean {
  const statement = { Effect: 'Allow', Principal: { Federated: ARN }, Action: ACTION, Condition, ...options.statement };
  const document = { Version: options.version ?? '2012-10-17', Statement: [statement, ...(options.more ?? [])] };
  return allows(parseTrustPolicy(document, 'policy'), ACTION, { principal: isProvider(ARN), context });
}

describe('a condition', () => {
  it.each<[boolean, string, unknown]>([
    [true, 'StringEquals', { 'idp.example:aud': 'sts.amazonaws.com' }],
    [true, 'StringEquals', { 'IDP.example:AUD': ['x', 'sts.amazonaws.com'] }],
    [false, 'StringEquals', { 'idp.example:aud': 'STS.amazonaws.com' }],
    [true, 'StringEqualsIgnoreCase', { 'idp.example:aud': 'STS.amazonaws.com' }],
    [false, 'StringEquals', { 'idp.example:aud': 'sts.*' }],
    [false, 'StringEquals', { 'other.example:aud': 'sts.amazonaws.com' }],
    [true, 'StringEqualsIfExists', { 'other.example:aud': 'sts.amazonaws.com' }],
    [false, 'StringEqualsIfExists', { 'idp.example:aud': 'other' }],
    [true, 'StringLike', { 'idp.example:sub': 'agentkeys:agent:*' }],
    [true, 'StringLike', { 'aws:RequestTag/wallet': '0x??' }],
    [false, 'StringLike', { 'aws:RequestTag/wallet': '0x???' }],
    [true, 'StringLike', { 'AWS:requesttag/WALLET': '0x*' }],
    [false, 'StringNotLike', { 'aws:RequestTag/wallet': '0x*' }],
    // The classic trap: true for a tag that isn't there at all.
    [true, 'StringNotEquals', { 'aws:RequestTag/missing': '' }],
    [true, 'StringNotEquals', { 'aws:RequestTag/wallet': '' }],
    [false, 'StringNotEquals', { 'aws:RequestTag/wallet': ['', '0xaa'] }],
    [true, 'Null', { 'aws:RequestTag/wallet': 'false' }],
    [false, 'Null', { 'aws:RequestTag/missing': 'false' }],
    [true, 'Null', { 'aws:RequestTag/missing': true }],
    [true, 'ForAllValues:StringEquals', { 'aws:TagKeys': ['wallet', 'Team', 'other'] }],
    [false, 'ForAllValues:StringEquals', { 'aws:TagKeys': ['wallet'] }],
    [true, 'ForAllValues:StringEquals', { 'aws:PrincipalOrgPaths': ['wallet'] }],
    [true, 'ForAnyValue:StringEquals', { 'aws:TagKeys': ['wallet'] }],
    [true, 'ForAnyValue:StringLike', { 'idp.example:amr': 'mf?' }],
    [false, 'ForAnyValue:StringEquals', { 'aws:PrincipalOrgPaths': ['wallet'] }],
    [true, 'ForAnyValue:StringNotEquals', { 'aws:TagKeys': 'wallet' }],
    [false, 'ForAllValues:StringNotEquals', { 'aws:TagKeys': 'wallet' }],
    [true, 'StringEquals', { 'idp.example:sub': 'agentkeys:agent:${aws:RequestTag/wallet}' }],
    [true, 'StringLike', { 'sts:RoleSessionName': '*${aws:RequestTag/wallet}*' }],
    [false, 'StringEquals', { 'idp.example:sub': 'agentkeys:agent:${aws:RequestTag/Team}' }],
    [false, 'StringEquals', { 'idp.example:sub': '${aws:RequestTag/missing}' }],
    [false, 'StringNotEquals', { 'idp.example:sub': '${aws:RequestTag/missing}' }],
    [true, 'StringEquals', { 'aws:RequestTag/wallet': "${aws:RequestTag/missing, '0xaa'}" }],
    [false, 'StringLike', { 'aws:RequestTag/wallet': '${*}' }],
    [false, 'Bool', { 'idp.example:aud': 'STS.AMAZONAWS.COM' }],
    [true, 'Bool', { 'aws:SecureTransport': true }],
    [false, 'Bool', { 'aws:SecureTransport': 'false' }],
    [false, 'StringEquals', { 'aws:PrincipalOrgID': 'o-1' }],
    [true, 'StringNotEqualsIfExists', { 'aws:PrincipalOrgID': 'o-1' }],
    [true, 'IpAddress', { 'aws:SourceIp': ['192.0.2.0/24', '10.42.0.0/16'] }],
    [false, 'IpAddress', { 'aws:SourceIp': '10.43.0.0/16' }],
    [true, 'NotIpAddress', { 'aws:SourceIp': '10.43.0.0/16' }],
    [true, 'StringEquals', { 'aws:FederatedProvider': ARN }],
  ])('is %s for %s %j', (expected, operator, block) => {
    expect(allowed({ [operator]: block })).toBe(expected);
  });

  it('needs all of its keys and operators', () => {
    const aud = { 'idp.example:aud': 'sts.amazonaws.com' };
    expect(allowed({ StringEquals: { ...aud, 'idp.example:sub': 'x' } })).toBe(false);
    expect(allowed({ StringEquals: aud, Null: { 'aws:RequestTag/missing': 'false' } })).toBe(false);
  });

  it('takes a variable literally in a policy of 2008', () => {
    const condition = { StringEquals: { 'idp.example:sub': 'agentkeys:agent:${aws:RequestTag/wallet}' } };
    expect(allowed(condition, { version: '2008-10-17' })).toBe(false);
  });

  it('takes wildcards out of a variable’s value literally', () => {
    const hostile: Context = new Map([
      ['tag', ['*']],
      ['sub', ['anything']],
    ]);
    const condition = { operator: 'StringLike', set: undefined, ifExists: false, key: 'sub', values: ['${tag}'] };
    expect(holds(condition, { variables: true }, { action: ACTION, context: hostile })).toBe(false);
  });
});

describe('a trust policy', () => {
  const deny = (more: object) => ({ Effect: 'Deny', Principal: '*', Action: 'sts:*', ...more });
  it('denies by default, by an explicit Deny, and allows by principal and action', () => {
    expect(allowed(undefined)).toBe(true);
    expect(allowed(undefined, { more: [deny({})] })).toBe(false);
    expect(
      allowed(undefined, { more: [deny({ Condition: { StringEquals: { 'aws:RequestTag/wallet': '0xbb' } } })] }),
    ).toBe(true);
    expect(allowed(undefined, { statement: { Principal: { Federated: `${ARN}x` } } })).toBe(false);
    expect(allowed(undefined, { statement: { Principal: { AWS: 'arn:aws:iam::000000000000:root' } } })).toBe(false);
    expect(allowed(undefined, { statement: { Principal: '*' } })).toBe(true);
    expect(allowed(undefined, { statement: { Action: 'sts:AssumeRole' } })).toBe(false);
    expect(allowed(undefined, { statement: { Action: ['STS:assume*'] } })).toBe(true);
    expect(allowed(undefined, { statement: { Action: undefined, NotAction: 'sts:AssumeRole' } })).toBe(true);
    const not = { Principal: undefined, NotPrincipal: { Federated: ARN } };
    expect(allowed(undefined, { more: [deny(not)] })).toBe(true);
  });

  it.each<[string, unknown, RegExp]>([
    ['not JSON', '{', /policy: it is not JSON/],
    [
      'a member twice, of which JSON.parse would take the last',
      '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effec\\u0074":"Allow"}]}',
      /policy: "Effect" stands twice/,
    ],
    ['a list', [], /policy: it is not a JSON object/],
    [
      'a Resource',
      { Statement: { Effect: 'Allow', Principal: '*', Action: ACTION, Resource: '*' } },
      /statement 1: Resource: a trust policy takes no Resource/,
    ],
    ['no principal', { Statement: { Effect: 'Allow', Action: ACTION } }, /statement 1: Principal: it has no Principal/],
    ['an effect in lower case', { Statement: { Effect: 'allow', Principal: '*', Action: ACTION } }, /Effect/],
    [
      'an unknown operator',
      { Statement: { Effect: 'Allow', Principal: '*', Action: ACTION, Condition: { StringEqual: {} } } },
      /Condition\.StringEqual: "StringEqual" is no condition operator/,
    ],
    [
      'Allow with NotPrincipal',
      { Statement: { Effect: 'Allow', NotPrincipal: '*', Action: ACTION } },
      /goes with Deny only/,
    ],
    [
      'a URL as federated principal',
      { Statement: { Effect: 'Allow', Principal: { Federated: 'https://idp.example' }, Action: ACTION } },
      /Principal\.Federated: "https:\/\/idp\.example": a federated principal is the ARN/,
    ],
    [
      'every federated principal',
      { Statement: { Effect: 'Allow', Principal: { Federated: '*' }, Action: ACTION } },
      /a federated principal is the ARN/,
    ],
    [
      'a bare domain as federated principal',
      { Statement: { Effect: 'Allow', Principal: { Federated: 'idp.example' }, Action: ACTION } },
      /a federated principal is the ARN/,
    ],
    [
      'a condition key that nobody knows',
      {
        Statement: {
          Effect: 'Allow',
          Principal: '*',
          Action: ACTION,
          Condition: { Null: { 'aws:RequestTags/w': 'false' } },
        },
      },
      /statement 1: aws:RequestTags\/w: a condition key that neither STS nor this emulator knows/,
    ],
    [
      'an action of another service',
      { Statement: { Effect: 'Allow', Principal: '*', Action: [ACTION, 's3:GetObject'] } },
      /Action: a trust policy takes STS's actions only \(sts:…\), not "s3:GetObject"/,
    ],
    ['an unknown version', { Version: '2012', Statement: [] }, /Version/],
  ])('with %s is refused, with the place', (_, document, message) => {
    expect(() => parseTrustPolicy(document as string, 'policy')).toThrow(message);
  });
});

describe('StringLike', () => {
  /** By the definition, without any cleverness. */
  const naive = (pattern: string, text: string): boolean => {
    if (pattern === '') return text === '';
    const rest = pattern.slice(1);
    if (pattern[0] === '*') return naive(rest, text) || (text !== '' && naive(pattern, text.slice(1)));
    return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && naive(rest, text.slice(1));
  };
  const string = (units: string, maxLength: number) =>
    fc.array(fc.constantFrom(...units), { maxLength }).map(parts => parts.join(''));
  const compiled = (text: string) => compile(text, { wildcards: true }) ?? [];

  it('agrees with its definition', () => {
    fc.assert(
      fc.property(string('ab*?', 8), string('ab', 10), (pattern, text) => {
        expect(matches(compiled(pattern), text)).toBe(naive(pattern, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('matches a text against itself as a variable, whatever is in it, and nothing else of that length', () => {
    fc.assert(
      fc.property(string('ab*?$', 8), string('ab*?$', 8), (value, other) => {
        const pattern = compile('x${v}y', { wildcards: true, lookup: () => value }) ?? [];
        expect(matches(pattern, `x${value}y`)).toBe(true);
        expect(matches(pattern, `x${other}y`)).toBe(other === value);
      }),
    );
  });

  // Backtracking would not end within the test's timeout.
  it('does not blow up on many stars', () => {
    expect(matches(compiled(`${'*a'.repeat(200)}b`), 'a'.repeat(5_000))).toBe(false);
  });
});

describe('set operators', () => {
  const values = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 });
  const wanted = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
  const of = (set: 'ForAllValues' | 'ForAnyValue', operator: string, have: string[], want: string[]) =>
    holds(
      { operator, set, ifExists: false, key: 'k', values: want },
      { variables: true },
      { action: ACTION, context: new Map([['k', have]]) },
    );

  it('are “all” and “any” over the request’s values', () => {
    fc.assert(
      fc.property(values, wanted, (have, want) => {
        expect(of('ForAllValues', 'StringEquals', have, want)).toBe(have.every(value => want.includes(value)));
        expect(of('ForAnyValue', 'StringEquals', have, want)).toBe(have.some(value => want.includes(value)));
        expect(of('ForAllValues', 'StringNotEquals', have, want)).toBe(have.every(value => !want.includes(value)));
        expect(of('ForAnyValue', 'StringNotEquals', have, want)).toBe(have.some(value => !want.includes(value)));
      }),
    );
  });
});

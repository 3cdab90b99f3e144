import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionPolicyFor } from '../../src/config/secrets/session-policy.ts';
import { parseWallet } from '../../src/workload/wallet.ts';

const wallet = parseWallet(`0x${'ab'.repeat(20)}`);
const of = (...statements: unknown[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 2);
const allow = (rest: object) => ({ Effect: 'Allow', Action: 's3:GetObject', ...rest });
const list = (condition: object) =>
  allow({ Action: 's3:ListBucket', Resource: 'arn:aws:s3:::b', Condition: condition });
const problemsOf = (template: string) => {
  const result = sessionPolicyFor(template, wallet);
  return 'problems' in result ? result.problems : [];
};

describe('a session policy', () => {
  it.each([
    [allow({ Resource: 'arn:aws:s3:::b/${wallet}/*' })],
    [allow({ Resource: ['arn:aws:s3:::b/bots/${wallet}/*', 'arn:aws:s3:::c/${wallet}'] })],
    [allow({ Resource: `arn:aws:s3:::b/${wallet}/*` })],
    [allow({ Action: '*', Resource: 'arn:aws:s3:::bucket-${wallet}/*' })],
    [list({ StringLike: { 's3:prefix': ['${wallet}/*'] } })],
    [list({ StringEquals: { 'S3:Prefix': 'bots/${wallet}/' }, Bool: { 'aws:SecureTransport': 'true' } })],
    [allow({ Resource: 'arn:aws:s3:::b/${wallet}/*' }), { Effect: 'Deny', Action: 's3:*', Resource: '*' }],
  ])('that holds the wallet in each Allow is taken: %j', (...statements) => {
    const result = sessionPolicyFor(of(...statements), wallet);
    expect(result).toEqual({
      policy: JSON.stringify(JSON.parse(of(...statements).replaceAll('${wallet}', () => wallet))),
    });
  });

  it.each([
    ['everything', allow({ Resource: '*' })],
    ['a resource beside the own', allow({ Resource: ['arn:aws:s3:::b/${wallet}/*', '*'] })],
    ['a wildcard in front', allow({ Resource: 'arn:aws:s3:::b/*/${wallet}/*' })],
    ['a wildcard as bucket', allow({ Resource: 'arn:aws:s3:::*/${wallet}/*' })],
    ['a longer name', allow({ Resource: 'arn:aws:s3:::b/${wallet}*' })],
    ['a policy variable', allow({ Resource: 'arn:aws:s3:::b/${aws:PrincipalTag/w}/*' })],
    ['no resource', allow({})],
    ['a resource that is no ARN', allow({ Resource: 'b/${wallet}/*' })],
    ['an empty list of resources', allow({ Resource: [] })],
    ['another wallet', allow({ Resource: `arn:aws:s3:::b/0x${'cd'.repeat(20)}/*` })],
    ['no condition', list({})],
    ['a prefix beside the own', list({ StringLike: { 's3:prefix': ['${wallet}/*', ''] } })],
    [
      'a key twice but for case, of which one is open',
      list({ StringLike: { 's3:prefix': '${wallet}/*', 'S3:PREFIX': '*' } }),
    ],
    ['no values', list({ StringLike: { 's3:prefix': [] } })],
    ['a condition that passes without a prefix', list({ StringLikeIfExists: { 's3:prefix': '${wallet}/*' } })],
    ['one that all of nothing passes', list({ 'ForAllValues:StringLike': { 's3:prefix': '${wallet}/*' } })],
    ['a negative condition', list({ StringNotLike: { 's3:prefix': '${wallet}/*' } })],
    ['a condition on something else', list({ StringLike: { 's3:delimiter': '${wallet}/' } })],
    [
      'one good statement beside a broad one',
      [allow({ Resource: 'arn:aws:s3:::b/${wallet}/*' }), allow({ Resource: '*' })],
    ],
    ['NotResource', { Effect: 'Allow', Action: 's3:*', NotResource: 'arn:aws:s3:::b/${wallet}/*' }],
    ['NotAction', { Effect: 'Allow', NotAction: 's3:*', Resource: 'arn:aws:s3:::b/${wallet}/*' }],
    ['NotPrincipal', allow({ Resource: 'arn:aws:s3:::b/${wallet}/*', NotPrincipal: '*' })],
    ['NotResource in another case', allow({ Resource: 'arn:aws:s3:::b/${wallet}/*', notresource: 'x' })],
    ['NotResource in a Deny', { Effect: 'Deny', Action: 's3:*', NotResource: 'arn:aws:s3:::b/${wallet}/*' }],
    ['a Principal', allow({ Resource: 'arn:aws:s3:::b/${wallet}/*', Principal: '*' })],
    ['no Effect', { Action: 's3:*', Resource: 'arn:aws:s3:::b/${wallet}/*' }],
    ['no Action', { Effect: 'Allow', Resource: 'arn:aws:s3:::b/${wallet}/*' }],
    ['a statement that is none', 'x'],
  ])('is refused with %s', (_, statement) => {
    expect(problemsOf(of(...[statement].flat()))).not.toEqual([]);
  });

  it.each(['', '{', '[]', 'null', '{}', '{"Statement":[]}', '{"Statement":null}', '\uFEFF{}', 'Statement: x'])(
    'that is none is refused: %j',
    text => expect(problemsOf(text)).not.toEqual([]),
  );

  it('with a member written twice is refused, since readers differ on which one counts', () => {
    const text = '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Resource":"b/${wallet}/*"}]}';
    expect(problemsOf(text)).toContain('"Resource" stands twice in one object');
  });

  it("keeps to STS's limits", () => {
    const long = of(allow({ Sid: 'x'.repeat(2000), Resource: 'arn:aws:s3:::b/${wallet}/*' }));
    expect(problemsOf(long)[0]).toMatch(/^\d+ characters; a session policy may have 2048$/);
    expect(problemsOf(of(allow({ Sid: '→', Resource: 'arn:aws:s3:::b/${wallet}/*' })))).toEqual([
      'a character beyond U+00FF, which STS refuses',
    ]);
  });

  it.each([1_000, 4_000, 16_000, 100_000])('nested %d deep is refused like any other', depth => {
    expect(problemsOf('['.repeat(depth) + ']'.repeat(depth))).not.toEqual([]);
    expect(problemsOf(`{"Statement":${'['.repeat(depth)}${']'.repeat(depth)}}`)).not.toEqual([]);
  });

  it('never is taken with a resource that lacks the wallet, whatever else is in it', () => {
    const resource = fc.oneof(
      fc.constant('arn:aws:s3:::b/${wallet}/*'),
      fc.string().filter(text => !text.includes('${wallet}')),
    );
    fc.assert(
      fc.property(fc.array(resource, { minLength: 1, maxLength: 4 }), resources => {
        const good = resources.every(text => text === 'arn:aws:s3:::b/${wallet}/*');
        expect(problemsOf(of(allow({ Resource: resources }))).length === 0).toBe(good);
      }),
    );
  });

  it('is read without a crash whatever JSON it is', () => {
    fc.assert(fc.property(fc.json(), text => Array.isArray(problemsOf(text))));
  });
});

import { describe, expect, it } from 'vitest';
import { walletTrustPolicy } from '../../src/emulator/index.ts';
import { principalTags, sessionTags } from '../../src/emulator/tags.ts';
import { ACCOUNT, ISSUER, ROLE, setUp, sign, TAGS, WALLET, WALLET_TAG } from './support.ts';

const nested = (principal_tags: unknown, transitive_tag_keys?: unknown) => ({
  [TAGS]: { principal_tags, ...(transitive_tag_keys !== undefined && { transitive_tag_keys }) },
});

describe('session tags', () => {
  it('are read from the nested and the flattened form', () => {
    const expected = { tags: { Project: 'Automation', Cost: '9' }, transitiveTagKeys: ['Project'] };
    expect(sessionTags(nested({ Project: ['Automation'], Cost: '9' }, ['Project']))).toEqual(expected);
    expect(
      sessionTags({
        [`${TAGS}/principal_tags/Project`]: 'Automation',
        [`${TAGS}/principal_tags/Cost`]: ['9'],
        [`${TAGS}/transitive_tag_keys`]: ['Project'],
      }),
    ).toEqual(expected);
    expect(sessionTags({})).toEqual({ tags: {}, transitiveTagKeys: [] });
  });

  const long = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
  it.each([
    ['twice but for case', nested({ wallet: 'a', Wallet: 'b' }), 'InvalidParameterValue'],
    ['twice, once in each form', { ...nested({ w: 'a' }), [`${TAGS}/principal_tags/W`]: 'b' }, 'InvalidParameterValue'],
    ['more than 50', nested(long(51)), 'ValidationError'],
    ['with a key of 129', nested({ ['k'.repeat(129)]: 'v' }), 'ValidationError'],
    ['with an empty key', nested({ '': 'v' }), 'ValidationError'],
    ['with a value of 257', nested({ k: 'v'.repeat(257) }), 'ValidationError'],
    ['with a star in the value', nested({ k: '0x*' }), 'ValidationError'],
    ['with a key of aws:', nested({ 'aws:x': 'v' }), 'ValidationError'],
    ['with two values', nested({ k: ['a', 'b'] }), 'InvalidIdentityToken'],
    ['with a number as value', nested({ k: 7 }), 'InvalidIdentityToken'],
    ['as a list', nested([{ k: 'v' }]), 'InvalidIdentityToken'],
    ['as a string', { [TAGS]: 'k=v' }, 'InvalidIdentityToken'],
    ['with a transitive key that is no tag', nested({ k: 'v' }, ['other']), 'InvalidParameterValue'],
    ['with transitive keys as a string', nested({ k: 'v' }, 'k'), 'InvalidIdentityToken'],
  ])('are refused %s', (_, claims, code) => {
    expect(() => sessionTags(claims)).toThrowError(expect.objectContaining({ code }));
  });

  it('are taken up to the limits', () => {
    expect(Object.keys(sessionTags(nested(long(50))).tags)).toHaveLength(50);
    const claims = nested({ ['k'.repeat(128)]: 'v'.repeat(256), 'a b_.:/=+-@é1': '' }, ['K'.repeat(128)]);
    expect(() => sessionTags(claims)).not.toThrow();
  });

  it('replace the role’s tags of the same key, whatever the case', () => {
    expect(principalTags({ Wallet: 'role', Stage: 'test' }, { wallet: 'session' })).toEqual({
      wallet: 'session',
      Stage: 'test',
    });
  });

  it('need sts:TagSession, or the whole call is AccessDenied', async () => {
    const { assume, sts } = setUp();
    const document = walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER }) as { Statement: { Action: unknown }[] };
    for (const statement of document.Statement) statement.Action = 'sts:AssumeRoleWithWebIdentity';
    sts.putRole({ arn: ROLE, trustPolicy: document });
    const answer = await assume();
    expect([answer.status, answer.get('Code')]).toEqual([403, 'AccessDenied']);
    expect(answer.get('Message')).toBe('Not authorized to perform sts:TagSession');
  });

  it('are demanded by the trust policy of a wallet’s role: no tag, an empty one and another’s shape are AccessDenied', async () => {
    const { assume, claims } = setUp();
    const of = async (tags: unknown) => (await assume(await sign(claims({ [TAGS]: tags })))).get('Code');
    expect(await of(undefined)).toBe('AccessDenied');
    expect(await of({ principal_tags: { other: 'x' } })).toBe('AccessDenied');
    expect(await of({ principal_tags: { [WALLET_TAG]: '' } })).toBe('AccessDenied');
    expect(await of({ principal_tags: { [WALLET_TAG]: 'bots' } })).toBe('AccessDenied');
    expect(await of({ principal_tags: { [WALLET_TAG.toUpperCase()]: WALLET } })).toBeUndefined();
  });

  it('may bring a source identity, which needs sts:SetSourceIdentity', async () => {
    const { assume, claims, sts } = setUp();
    const token = await sign(claims({ 'https://aws.amazon.com/source_identity': 'alice' }));
    expect((await assume(token)).get('Message')).toBe('Not authorized to perform sts:SetSourceIdentity');
    const Principal = { Federated: sts.providerArn(ISSUER) };
    sts.putRole({
      arn: ROLE,
      trustPolicy: { Version: '2012-10-17', Statement: { Effect: 'Allow', Principal, Action: 'sts:*' } },
    });
    expect((await assume(token)).get('SourceIdentity')).toBe('alice');
  });
});

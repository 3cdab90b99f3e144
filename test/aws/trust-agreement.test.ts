/**
 * `doctor` and the STS emulator read trust policies each by code of its own: whatever the emulator lets in or keeps out
 * that it shouldn't, `doctor` has an error for.
 *
 * @module
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import { webIdentityContext } from '../../src/aws/iam/web-identity.ts';
import { planOf } from '../../src/aws/plan.ts';
import { allows, isProvider, parseTrustPolicy } from '../../src/emulator/trust.ts';
import { configOf, TAG, WALLET_A, WALLET_B } from './support.ts';

const plan = planOf(configOf());
const host = 'oidc.example.com';
const provider = `arn:aws:iam::123456789012:oidc-provider/${host}`;
const ASSUME = 'sts:AssumeRoleWithWebIdentity';

const oneOrMore = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof(arbitrary, fc.uniqueArray(arbitrary, { minLength: 1, maxLength: 2 }));
const texts = fc.constantFrom(
  '0x*',
  `0x${'?'.repeat(40)}`,
  '*',
  '',
  WALLET_A,
  'sts.amazonaws.com',
  'other',
  `agentkeys:agent:*`,
);
const operators = fc
  .tuple(
    fc.constantFrom('', 'ForAllValues:', 'ForAnyValue:'),
    fc.constantFrom('StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike', 'StringEqualsIgnoreCase'),
    fc.constantFrom('', 'IfExists'),
  )
  .map(parts => parts.join(''));
const keys = fc.constantFrom(
  `aws:RequestTag/${TAG}`,
  `AWS:requesttag/${TAG}`,
  'aws:RequestTag/other',
  'aws:TagKeys',
  `${host}:aud`,
  `${host}:sub`,
  'sts:RoleSessionName',
);
const condition = fc.oneof(
  fc.tuple(operators, keys, oneOrMore(texts)),
  fc.tuple(fc.constant('Null'), keys, fc.constantFrom('true', 'false')),
);
const conditions = fc.array(condition, { maxLength: 3 }).map(list => {
  const block: Record<string, Record<string, unknown>> = {};
  for (const [operator, key, value] of list) {
    const others = Object.entries(block[operator] ?? {}).filter(([k]) => k.toLowerCase() !== key.toLowerCase());
    block[operator] = { ...Object.fromEntries(others), [key]: value };
  }
  return block;
});
const statement = fc.record({
  Effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
  Principal: fc.constantFrom({ Federated: provider }, { Federated: provider }, { Federated: `${provider}2` }, '*'),
  Action: oneOrMore(fc.constantFrom(ASSUME, 'sts:TagSession', 'sts:*', 'sts:Assume*')),
  Condition: conditions,
});
const good = fc.constant({
  Effect: 'Allow',
  Principal: { Federated: provider },
  Action: [ASSUME, 'sts:TagSession'],
  Condition: {
    StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com' },
    StringLike: { [`aws:RequestTag/${TAG}`]: `0x${'?'.repeat(40)}` },
    Null: { [`aws:RequestTag/${TAG}`]: 'false' },
  },
});
const policies = fc
  .array(fc.oneof(statement, good), { minLength: 1, maxLength: 3 })
  .map(Statement => ({ Version: '2012-10-17', Statement }));

/** What the emulator says to a token of our issuer. */
function lets(policy: object, tags: Record<string, string>, name: string): boolean {
  const context = webIdentityContext({
    host,
    providerArn: provider,
    audience: 'sts.amazonaws.com',
    subject: `agentkeys:agent:${name.split('@')[0]}`,
    tags,
    transitiveTagKeys: Object.keys(tags),
    sessionName: name,
    more: { 'aws:SourceIp': '203.0.113.7' },
  });
  const parsed = parseTrustPolicy({ ...policy }, 'trust');
  const request = { principal: isProvider(provider), context };
  return (
    allows(parsed, ASSUME, request) && (Object.keys(tags).length === 0 || allows(parsed, 'sts:TagSession', request))
  );
}

function hasError(policy: object): boolean {
  const read = readPolicy(JSON.stringify(policy), 'trust', 'trust');
  return [...read.findings, ...checkTrust(read, plan, 'trust')].some(found => found.severity === 'error');
}

test('a policy that lets a token without a wallet in is an error, whatever it is made of', () => {
  let open = 0;
  fc.assert(
    fc.property(policies, policy => {
      if (!lets(policy, {}, `${WALLET_A}@scraper-a`)) return;
      open++;
      expect(hasError(policy)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
  expect(open).toBeGreaterThan(50);
});

test('a policy that keeps a workload’s own token out is an error, whatever it is made of', () => {
  let shut = 0;
  fc.assert(
    fc.property(policies, policy => {
      const [a, b] = [WALLET_A, WALLET_B].map(wallet => lets(policy, { [TAG]: wallet }, `${wallet}@scraper`));
      if (a && b) return;
      shut++;
      expect(hasError(policy)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
  expect(shut).toBeGreaterThan(50);
});

/**
 * The IAM engine answers as an independent simulator does, on random small policies and contexts.
 *
 * Where AWS documents no answer the engine says `unknown`, and the comparison makes no claim; how often is bounded below.
 *
 * @module
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorize } from '../../src/aws/iam/authorize.ts';
import type { Concern } from '../../src/aws/iam/evaluate.ts';
import { parsePolicy } from '../../src/aws/iam/parse.ts';
import type { PolicyKind, Statement } from '../../src/aws/iam/policy.ts';
import { needed } from './tools.ts';

const ACCOUNT = '123456789012';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/data`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/data/0xaa@scraper`;
const RUNS = 10_000;

const texts = [
  'a',
  'b',
  'A',
  'ab',
  'b*',
  '*',
  'a?',
  '${aws:PrincipalTag/w}',
  'a${aws:PrincipalTag/none}',
  "${none, 'a'}",
];
const numbers = ['1', '2', '3', '2.0', '2.5', '-1', '10'];
const dates = ['2026-01-01T00:00:00Z', '2026-06-01T12:30:00Z', '2026-06-01T13:30:00+01:00', '2027-01-01', '2026-13-45'];
const arns = [
  'arn:aws:iam::123456789012:role/data',
  'arn:aws:iam::*:role/*',
  'arn:*:iam::123456789012:role/d?ta',
  'arn:aws:iam:*:123456789012:*',
  'arn:aws:s3:::my-data',
  'arn:aws:iam::123456789012:role/${aws:PrincipalTag/w}',
];
// With a prefix: of an address without one the simulator says that NotIpAddress isn't met by the other family.
const addresses = ['203.0.113.7/32', '203.0.113.0/24', '198.51.100.0/24', '2001:db8::/32', '10.0.0.0/8'];
const bools = ['true', 'false', 'TRUE', 'False'];

/** Keys with values of their type; `many` may have several values. */
const KEYS = {
  's3:prefix': ['a', 'b', 'ab', 'A', 'a*', 'x'],
  'aws:PrincipalTag/w': ['a', 'data', '*'],
  's3:max-keys': ['1', '2', '3', '2.5', '10'],
  'aws:CurrentTime': ['2026-01-01T00:00:00Z', '2026-06-01T12:30:00Z', '2027-01-01T00:00:00Z'],
  'aws:SourceArn': ['arn:aws:iam::123456789012:role/data', 'arn:aws:s3:::my-data', 'arn:aws:iam::1:role/a:b', 'no-arn'],
  'aws:SourceIp': ['203.0.113.7', '198.51.100.9', '2001:db8::1'],
  'aws:SecureTransport': ['true', 'false'],
  'aws:TagKeys': ['a', 'b', 'ab'],
} as const;

const negatable = (name: string) => [name, name.replace(/^(String|Numeric|Date|Arn)?/, '$1Not')];
const OPERATORS: [string[], readonly string[], readonly (keyof typeof KEYS)[]][] = [
  [['StringEquals', 'StringEqualsIgnoreCase', 'StringLike'].flatMap(negatable), texts, ['s3:prefix', 'aws:TagKeys']],
  [['NumericEquals'].flatMap(negatable), numbers, ['s3:max-keys', 's3:prefix']],
  [
    ['LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(n => `Numeric${n}`),
    numbers,
    ['s3:max-keys'],
  ],
  [['DateEquals'].flatMap(negatable), dates, ['aws:CurrentTime', 's3:prefix']],
  [['LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(n => `Date${n}`), dates, ['aws:CurrentTime']],
  [['ArnEquals', 'ArnLike'].flatMap(negatable), arns, ['aws:SourceArn']],
  [['IpAddress'].flatMap(negatable), addresses, ['aws:SourceIp', 's3:prefix']],
  [['Bool'], bools, ['aws:SecureTransport', 's3:prefix']],
];

const oneOrMore = (values: readonly string[]) =>
  fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }));
const condition = fc.oneof(
  ...OPERATORS.map(([names, values, keys]) =>
    fc.record({
      set: fc.constantFrom('', '', 'ForAllValues:', 'ForAnyValue:'),
      name: fc.constantFrom(...names),
      ifExists: fc.constantFrom('', '', 'IfExists'),
      key: fc.constantFrom(...keys, 'aws:PrincipalOrgID'),
      values: oneOrMore(values),
    }),
  ),
  fc.record({
    set: fc.constant(''),
    name: fc.constant('Null'),
    ifExists: fc.constant(''),
    key: fc.constantFrom(...Object.keys(KEYS), 'aws:PrincipalOrgID'),
    values: fc.constantFrom('true', 'false', ['true', 'false']),
  }),
);
const conditions = fc.array(condition, { maxLength: 2 }).map(list => {
  const block: Record<string, Record<string, unknown>> = {};
  for (const { set, name, ifExists, key, values } of list) {
    const operator = `${set}${name}${ifExists}`;
    block[operator] = { ...block[operator], [key]: values };
  }
  return block;
});
const actions = oneOrMore(['s3:ListBucket', 's3:Get*', 's3:*', '*', 'S3:LISTBUCKET', 's3:List?ucket']);
const resources = oneOrMore([
  '*',
  'arn:aws:s3:::my-data',
  'arn:aws:s3:::my-*',
  'arn:aws:s3:::my-data/${aws:PrincipalTag/w}/*',
  'arn:aws:s3:::my-${aws:PrincipalTag/w}',
  'arn:aws:s3:::*',
  'arn:*:s3:::my-da?a',
  'arn:aws:s3:::other',
]);
const principals = fc.constantFrom(
  '*',
  { AWS: '*' },
  { AWS: ROLE },
  { AWS: SESSION },
  { AWS: ACCOUNT },
  { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  { AWS: ['arn:aws:iam::999999999999:root', ROLE] },
  { AWS: 'arn:aws:iam::123456789012:role/other' },
);
const statement = fc
  .record({
    Effect: fc.constantFrom('Allow', 'Allow', 'Deny'),
    by: fc.constantFrom('', '', '', 'Not'),
    not: fc.constantFrom('', '', '', 'Not'),
    actions,
    resources,
    Condition: conditions,
  })
  .map(({ Effect, by, not, actions, resources, Condition }) => ({
    Effect,
    [`${by}Action`]: actions,
    [`${not}Resource`]: resources,
    Condition,
  }));
const policy = (one: fc.Arbitrary<object>) =>
  fc.array(one, { minLength: 1, maxLength: 3 }).map(Statement => ({ Version: '2012-10-17', Statement }));
const bucketStatement = fc.tuple(statement, principals).map(([s, Principal]) => ({ ...s, Principal }));
/** A key is there in two of three requests; only aws:TagKeys has several values. */
const context = fc.record(
  Object.fromEntries(
    Object.entries(KEYS).map(([key, values]) => [
      key,
      key === 'aws:TagKeys'
        ? fc.uniqueArray(fc.constantFrom(...values), { minLength: 2, maxLength: 3 })
        : fc.constantFrom<string>(...values),
    ]),
  ),
  { requiredKeys: [] },
);
const request = fc.record({
  identity: policy(statement),
  resource: fc.constant<object | undefined>(undefined),
  context,
});

/** The same with a bucket's policy, which this simulator takes only where it validates. */
const together = fc.record({ identity: policy(statement), resource: policy(bucketStatement), context });
const TOGETHER = 1_000;

type Simulate = (simulation: unknown, options: object) => string;
type Validated = (simulation: unknown, options: object) => Promise<{ overallResult?: string; errors?: unknown }>;
type Question = typeof request extends fc.Arbitrary<infer T> ? T : never;

function simulationOf({ identity, resource, context }: Question): object {
  return {
    request: {
      principal: SESSION,
      action: 's3:ListBucket',
      resource: { resource: 'arn:aws:s3:::my-data', accountId: ACCOUNT },
      contextVariables: context,
    },
    identityPolicies: [{ name: 'p', policy: identity }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(resource === undefined ? {} : { resourcePolicy: resource }),
  };
}

function concern(kind: string, value: string): Concern {
  if (kind === '*' || value === '*' || value === ROLE) return 'role';
  if (value === SESSION) return 'session';
  return value === ACCOUNT || value === `arn:aws:iam::${ACCOUNT}:root` ? 'account' : undefined;
}

function ours({ identity, resource, context }: Question): string {
  const read = (document: unknown, kind: PolicyKind): readonly Statement[] => {
    const { statements, findings } = parsePolicy(document, kind, kind);
    expect(findings).toEqual([]);
    return statements;
  };
  const values = Object.entries(context as Record<string, string | string[]>);
  return authorize(
    {
      identity: read(identity, 'identity'),
      resource: resource === undefined ? [] : read(resource, 'resource'),
    },
    {
      action: 's3:ListBucket',
      resource: 'arn:aws:s3:::my-data',
      principal: concern,
      context: new Map(values.map(([key, value]) => [key.toLowerCase(), Array.isArray(value) ? value : [value]])),
    },
  ).decision;
}

test(`${RUNS} random policies and contexts are judged as the simulator judges them`, async ({ skip }) => {
  const load = await needed('the IAM engine beside an independent simulator', skip);
  const { runUnsafeSimulation } = load('@cloud-copilot/iam-simulate') as { runUnsafeSimulation: Simulate };
  const seen = { allowed: 0, not: 0, unknown: 0 };
  fc.assert(
    fc.property(request, question => {
      const decision = ours(question);
      seen[decision === 'allowed' || decision === 'unknown' ? decision : 'not']++;
      if (decision === 'unknown') return;
      expect(decision === 'allowed').toBe(runUnsafeSimulation(simulationOf(question), {}) === 'Allowed');
    }),
    { numRuns: RUNS },
  );
  expect(seen.allowed).toBeGreaterThan(RUNS / 10);
  expect(seen.not).toBeGreaterThan(RUNS / 10);
  expect(seen.unknown).toBeLessThan(RUNS / 20);
}, 120_000);

test(`${TOGETHER} random pairs of a role's and a bucket's policy are judged as the simulator judges them`, async ({
  skip,
}) => {
  const load = await needed('the IAM engine beside an independent simulator', skip);
  const { runSimulation } = load('@cloud-copilot/iam-simulate') as { runSimulation: Validated };
  let resourceAlone = 0;
  await fc.assert(
    fc.asyncProperty(together, async question => {
      const decision = ours(question);
      if (decision === 'unknown') return;
      const result = await runSimulation(simulationOf(question), {});
      expect(result.errors).toBeUndefined();
      expect(decision === 'allowed').toBe(result.overallResult === 'Allowed');
      if (decision === 'allowed' && ours({ ...question, resource: undefined }) !== 'allowed') resourceAlone++;
    }),
    { numRuns: TOGETHER },
  );
  expect(resourceAlone).toBeGreaterThan(TOGETHER / 50);
}, 120_000);

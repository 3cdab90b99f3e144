/**
 * Of policies that nobody here has seen, `doctor` says that another wallet's data can be reached where an independent simulator
 * does, and nowhere else.
 *
 * @module
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import { planOf } from '../../src/aws/plan.ts';
import { configOf, ROLE, TAG, WALLET_A, WALLET_B } from './support.ts';
import { needed } from './tools.ts';

const RUNS = 100;
const ACCOUNT = '123456789012';
const B = 'arn:aws:s3:::my-data';
const OWN = `bots/\${aws:PrincipalTag/${TAG}}`;
const place = { bucket: 'my-data', prefix: 'bots/' };
const plan = planOf(configOf());

const oneOrMore = (values: readonly string[]) =>
  fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }));
const actions = oneOrMore([
  's3:GetObject',
  's3:Get*',
  's3:PutObject',
  's3:Put*',
  's3:DeleteObject',
  's3:ListBucket',
  's3:List*',
  's3:*',
  's3:*Object',
  's3:GetObjectVersion',
]);
const resources = oneOrMore([
  '*',
  'arn:aws:s3:::*',
  'arn:aws:s3:::*/*',
  B,
  `${B}*`,
  `${B}/*`,
  `${B}/bots/*`,
  `${B}/${OWN}/*`,
  `${B}/${OWN}*`,
  `${B}/bots/${WALLET_B}/*`,
  `${B}/bots/0x*/public/*`,
  'arn:aws:s3:::another/*',
]);
const conditions = fc.constantFrom(
  {},
  {},
  { StringLike: { 's3:prefix': `${OWN}/*` } },
  { StringLike: { 's3:prefix': ['', 'bots/', `${OWN}/*`] } },
  { StringLike: { 's3:prefix': 'bots/*' } },
  { StringNotLike: { 's3:prefix': `${OWN}/*` } },
  { StringEquals: { 's3:prefix': 'bots/' } },
  { StringEquals: { [`aws:PrincipalTag/${TAG}`]: WALLET_A } },
  { StringNotEquals: { [`aws:PrincipalTag/${TAG}`]: WALLET_A } },
  { Null: { [`aws:PrincipalTag/${TAG}`]: 'true' } },
  { 'ForAnyValue:StringLike': { 's3:prefix': 'bots/0x*' } },
);
const statement = fc
  .record({
    Effect: fc.constantFrom('Allow', 'Allow', 'Deny'),
    not: fc.constantFrom('', '', '', 'Not'),
    actions,
    resources,
    Condition: conditions,
  })
  .map(({ Effect, not, actions, resources, Condition }) => ({
    Effect,
    Action: actions,
    [`${not}Resource`]: resources,
    Condition,
  }));
const principal = fc.constantFrom<unknown>({ AWS: ROLE }, '*', { AWS: `arn:aws:iam::${ACCOUNT}:root` });
const document = (one: fc.Arbitrary<object>) =>
  fc.array(one, { minLength: 1, maxLength: 3 }).map(Statement => ({ Version: '2012-10-17', Statement }));
const bucketDocument = document(fc.tuple(statement, principal).map(([s, Principal]) => ({ ...s, Principal })));

type Simulate = (simulation: unknown, options: object) => Promise<{ overallResult?: string; errors?: unknown }>;

const OBJECT = ['GetObject', 'GetObjectVersion', 'PutObject', 'DeleteObject', 'ListMultipartUploadParts'];

/** Each takes a prefix. */
const LISTS = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'];

/** Every way to another wallet's data that these actions give, as three sessions would try it. */
const TRIES = [WALLET_A, `0x${'d'.repeat(40)}`, undefined].flatMap(wallet => {
  const foreign = [
    'bots/0xdeadbeef/',
    `bots/${wallet ?? 'none'}0/`,
    `bots/${wallet === WALLET_B ? WALLET_A : WALLET_B}/`,
  ];
  const keys = ['object', 'public/x'];
  return [
    ...foreign.flatMap(prefix => [
      ...OBJECT.flatMap(name =>
        keys.map(key => ({ wallet, action: `s3:${name}`, resource: `${B}/${prefix}${key}`, prefix: undefined })),
      ),
      ...LISTS.map(action => ({ wallet, action, resource: B, prefix })),
    ]),
    ...['', 'bots/', undefined].flatMap(prefix => LISTS.map(action => ({ wallet, action, resource: B, prefix }))),
    { wallet, action: 's3:PutBucketPolicy', resource: B, prefix: undefined },
  ];
});

async function isReached(simulate: Simulate, role: object, bucket: object | undefined): Promise<boolean> {
  for (const { wallet, action, resource, prefix } of TRIES) {
    const contextVariables = {
      ...(wallet === undefined ? {} : { [`aws:PrincipalTag/${TAG}`]: wallet }),
      ...(prefix === undefined ? {} : { 's3:prefix': prefix }),
    };
    const principal = `arn:aws:sts::${ACCOUNT}:assumed-role/agentkeys-data-role/session`;
    const simulation = {
      request: { principal, action, resource: { resource, accountId: ACCOUNT }, contextVariables },
      identityPolicies: [{ name: 'role', policy: role }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(bucket === undefined ? {} : { resourcePolicy: bucket }),
    };
    const { overallResult, errors } = await simulate(simulation, {});
    expect(errors).toBeUndefined();
    if (overallResult === 'Allowed') return true;
  }
  return false;
}

/** What doctor's errors say is reached. */
function saidOf(role: object, bucket: object | undefined): string[] {
  const documents = {
    role: readPolicy(JSON.stringify(role), 'identity', 'role.json'),
    bucket: bucket === undefined ? undefined : readPolicy(JSON.stringify(bucket), 'resource', 'bucket.json'),
  };
  return checkGrants({ ...documents, roleName: 'role.json', bucketName: 'bucket.json' }, plan, place)
    .filter(({ code, severity }) => severity === 'error' && /^(role|bucket)-broad$/.test(code))
    .map(({ what }) => what);
}

test(`${RUNS} random pairs of policies: doctor and the simulator agree on whether another wallet's data can be reached`, async ({
  skip,
}) => {
  const load = await needed("doctor's findings beside an independent simulator", skip);
  const { runSimulation } = load('@cloud-copilot/iam-simulate') as { runSimulation: Simulate };
  const seen = { reached: 0, not: 0 };
  await fc.assert(
    fc.asyncProperty(document(statement), fc.option(bucketDocument, { nil: undefined }), async (role, bucket) => {
      const reached = await isReached(runSimulation, role, bucket);
      seen[reached ? 'reached' : 'not']++;
      // For a session without the tag AWS documents no answer to a negated variable; there doctor takes the worse one.
      const open = /Not(Resource|Like)":[^}]*\$\{/.test(JSON.stringify([role, bucket]));
      const said = saidOf(role, bucket);
      if (reached) expect(said).not.toEqual([]);
      // An error that begins with what lies elsewhere is right even where no other wallet's data is reached.
      else if (!open) expect(said.filter(what => !/ on arn:/.test(what.replace(/ \(and .*/, '')))).toEqual([]);
    }),
    // In CI the same pairs each time; by hand other ones at each run.
    { numRuns: RUNS, ...(process.env['CI'] === 'true' && { seed: 1 }) },
  );
  expect(Math.min(seen.reached, seen.not)).toBeGreaterThan(RUNS / 20);
}, 120_000);

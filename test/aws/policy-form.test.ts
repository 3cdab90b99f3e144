/**
 * The form of policy documents: what is malformed is found, and what IAM takes is read.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import { codes, good, grantFindings, place, trustFindings } from './policy-findings.ts';
import { TAG } from './support.ts';

describe('a document that is hardly one', () => {
  const malformed = 'error policy-malformed';
  const statement = (more: string) => `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",${more}}}`;
  const codesOf = (text: string) => codes(readPolicy(text, 'identity', 'p.json').findings);
  test.each([
    ['nothing', '', 'error policy-not-json'],
    ['HTML', '<html>', 'error policy-not-json'],
    ['half a policy', '{"Statement": [', 'error policy-not-json'],
    ['ten megabytes', 'x'.repeat(10_000_000), 'error policy-too-large'],
    ['a number', '7', 'error policy-malformed'],
    ['null', 'null', 'error policy-malformed'],
    ['an array', '[]', 'error policy-malformed'],
    ['no statement', '{"Version":"2012-10-17"}', 'error policy-malformed'],
    ['a statement that is text', '{"Version":"2012-10-17","Statement":["x"]}', 'error policy-malformed'],
    [
      'an effect that is none',
      '{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"s3:*"}}',
      'error policy-malformed',
    ],
    [
      'other-case keys',
      '{"version":"2012-10-17","statement":{"effect":"Allow","action":"s3:*"}}',
      'error policy-key-case',
    ],
    [
      'unknown operators',
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Condition":{"StringIsh":{"a":"b"}}}}',
      'error policy-operator-unknown',
    ],
    [
      'an element of its own',
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Comment":"x"}}',
      'error policy-malformed',
    ],
    ['lists nested thousands deep', `{"Statement":${'['.repeat(45_000)}${']'.repeat(45_000)}}`, malformed],
    ['an Allow by NotPrincipal', statement('"NotPrincipal":{"AWS":"123456789012"}'), malformed],
    ['a kind of principal in another case', statement('"Principal":{"aws":"*"}'), malformed],
    ['a principal that is no text', statement('"Principal":{"AWS":["123456789012",5]}'), malformed],
    ['an empty list of actions', '{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}', malformed],
    ['an empty list of resources', statement('"Resource":[]'), malformed],
    [
      'an action without its service',
      '{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}',
      malformed,
    ],
    ['Null that asks for neither', statement('"Resource":"*","Condition":{"Null":{"aws:TagKeys":"no"}}'), malformed],
    [
      'Null with IfExists',
      statement('"Resource":"*","Condition":{"NullIfExists":{"aws:TagKeys":"true"}}'),
      'error policy-operator-unknown',
    ],
    [
      'two statements of one Sid',
      `{"Statement":[${[1, 2].map(() => '{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}')}]}`,
      malformed,
    ],
    ['both Resource and NotResource', statement('"Resource":"*","NotResource":"*"'), malformed],
  ])('%s', (_, text, expected) => {
    expect(codesOf(text)).toContain(expected);
  });
  test.each([
    ['every action', statement('"Resource":"*"').replace('s3:*', '*')],
    ['Null by a boolean', statement('"Resource":"*","Condition":{"Null":{"aws:TagKeys":true}}')],
    [
      'statements without a Sid',
      '{"Statement":[{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"},{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"}]}',
    ],
  ])('%s is no fault of form', (_, text) => {
    expect(codesOf(text)).toEqual([]);
  });
  test('a byte order mark is found, and the policy is judged all the same', () => {
    const read = readPolicy(`\uFEFF${JSON.stringify(good().trust)}`, 'trust', 'p.json');
    expect(codes(read.findings)).toEqual(['warning policy-bom']);
    expect(read.statements).toHaveLength(1);
  });
  test('arrays where strings are usual, and strings where arrays are, are legal', () => {
    const { trust, role } = good();
    const first = trust.Statement[0] as unknown as {
      Principal: { Federated: unknown };
      Condition: { Null: Record<string, unknown> };
    };
    first.Principal.Federated = [first.Principal.Federated];
    first.Condition.Null[`aws:RequestTag/${TAG}`] = ['false'];
    expect(trustFindings(() => trust)).toEqual([]);
    expect(grantFindings(() => ({ ...role, Statement: [...role.Statement] }))).toEqual([]);
    expect(readPolicy(JSON.stringify({ ...role, Statement: role.Statement[0] }), 'identity', 'p').findings).toEqual([]);
  });
  test('keys of conditions are read in any case, as IAM does', () => {
    const text = JSON.stringify(good().trust).replaceAll('aws:RequestTag', 'AWS:requesttag');
    expect(checkTrust(readPolicy(text, 'trust', 't'), good().plan, 't')).toEqual([]);
  });
  test('what the AWS CLI prints around a policy is taken off', () => {
    const { bucket } = good();
    expect(readPolicy(JSON.stringify({ Policy: JSON.stringify(bucket) }), 'resource', 'p').statements).toHaveLength(4);
    const version = { PolicyVersion: { Document: encodeURIComponent(JSON.stringify(bucket)), VersionId: 'v1' } };
    expect(readPolicy(JSON.stringify(version), 'resource', 'p').statements).toHaveLength(4);
  });
  test('no JSON makes it throw', () => {
    const { plan } = good();
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        for (const text of [JSON.stringify(value), JSON.stringify({ Version: '2012-10-17', Statement: value })]) {
          for (const kind of ['trust', 'identity', 'resource'] as const) {
            const read = readPolicy(text, kind, 'p');
            checkTrust(read, plan, 'p');
            checkGrants({ role: read, bucket: read, roleName: 'p', bucketName: 'p' }, plan, place);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

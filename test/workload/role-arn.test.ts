import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/aws/plan.ts';
import { roleArn } from '../../src/config/scalars.ts';
import { awsRole } from '../../src/emulator/roles.ts';
import { InvalidValue } from '../../src/lib/invalid-value.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { configOf } from '../aws/support.ts';

const ACCOUNT = '123456789012';

describe('the ARN of a role', () => {
  it.each([
    ['arn:aws:iam::123456789012:role/data', 'aws', ACCOUNT, '/', 'data'],
    ['arn:aws-us-gov:iam::123456789012:role/data', 'aws-us-gov', ACCOUNT, '/', 'data'],
    ['arn:aws-cn:iam::123456789012:role/team/x/data', 'aws-cn', ACCOUNT, '/team/x/', 'data'],
    ['arn:aws:iam::123456789012:role/te!am/data', 'aws', ACCOUNT, '/te!am/', 'data'],
    ['arn:aws:iam:::role/bots/S3Access', 'aws', '', '/bots/', 'S3Access'],
  ])('%s is taken apart', (arn, partition, account, path, name) => {
    expect(parseRoleArn(arn)).toEqual({ arn, partition, account, path, name });
  });

  it.each([
    'data',
    'arn:aws:iam::12345:role/data',
    'arn:aws:iam::123456789012:user/data',
    'arn:aws:sts::123456789012:assumed-role/data/x',
    'arn:aws:iam::123456789012:role/',
    'arn:aws:iam::123456789012:role/da ta',
    'arn:aws:iam::123456789012:role/te am/data',
    'arn:aws:iam::123456789012:role//data',
    'arn:aws:iam::123456789012:role/data\n',
    'arn:awsx:iam::123456789012:role/data',
    `arn:aws:iam::123456789012:role/${'x'.repeat(65)}`,
    `arn:aws:iam::123456789012:role/${'x/'.repeat(300)}data`,
  ])('is not %j', arn => expect(() => parseRoleArn(arn)).toThrow(InvalidValue));

  it('is put together from its parts again', () => {
    const printable = fc.string({
      unit: fc.constantFrom(...'!"#$%&\'()*+,-.:;<=>?@Az09[]^_`{|}~'),
      minLength: 1,
      maxLength: 9,
    });
    const names = fc.string({ unit: fc.constantFrom(...'Az09_+=,.@-'), minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(
        fc.constantFrom('', ACCOUNT),
        fc.array(printable, { maxLength: 4 }),
        names,
        (account, parts, name) => {
          const path = ['', ...parts, ''].join('/');
          const arn = `arn:aws:iam::${account}:role${path}${name}`;
          expect(parseRoleArn(arn)).toEqual({ arn, partition: 'aws', account, path, name });
        },
      ),
    );
  });

  it('is the same role to the configuration, to the plan of the account and to the emulator', () => {
    const arn = 'arn:aws:iam::123456789012:role/te!am/data';
    const role = parseRoleArn(arn);
    expect(roleArn.parse(arn)).toEqual(role);
    expect(planOf(configOf({ roleArn: arn })).roles[0]).toMatchObject(role);
    expect(awsRole(arn)).toEqual(role);
  });

  it('has an account where AWS answers', () => expect(awsRole('arn:aws:iam:::role/data')).toBeUndefined());
});

/**
 * Rows about the parameters: role, session name, duration, session policy.
 *
 * @module
 */
import type { Row } from '../sts-table.ts';
import { bad, cephInvalid, denied, invalid, ok } from './answers.ts';
import { SESSION_POLICY, VALIDATION } from './because.ts';

const params = (given: Record<string, string | undefined>) => ({ params: given });
const policy = (change: Record<string, unknown> = {}) =>
  params({
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*', ...change }],
    }),
  });
const malformed = bad('MalformedPolicyDocument');

export const parameterRows: readonly Row[] = [
  { name: 'no RoleArn', ask: params({ RoleArn: undefined }), emulator: invalid, ceph: denied, because: VALIDATION },
  {
    name: 'a RoleArn that is no ARN',
    ask: params({ RoleArn: 'the-role-that-I-mean' }),
    emulator: invalid,
    ceph: denied,
    because: VALIDATION,
  },
  {
    name: 'a RoleArn of 19 characters',
    ask: params({ RoleArn: 'arn:aws:iam:::role/' }),
    emulator: invalid,
    ceph: denied,
    because: VALIDATION,
  },
  {
    name: 'the ARN of a user',
    ask: { form: f => f.replace('role%2Ftable', 'user%2Ftable') },
    emulator: invalid,
    ceph: ok,
    because:
      'AWS: the ARN of the role that is assumed [AssumeRoleWithWebIdentity]. Ceph looks at the name in it alone.',
  },
  {
    name: 'no RoleSessionName',
    ask: params({ RoleSessionName: undefined }),
    emulator: invalid,
    ceph: denied,
    because: VALIDATION,
  },
  {
    name: 'a session name of one character',
    ask: params({ RoleSessionName: 'a' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  { name: 'a session name of two', ask: params({ RoleSessionName: 'ab' }), emulator: ok, ceph: ok },
  { name: 'a session name of 64', ask: params({ RoleSessionName: 'a'.repeat(64) }), emulator: ok, ceph: ok },
  {
    name: 'a session name of 65',
    ask: params({ RoleSessionName: 'a'.repeat(65) }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a session name of all that is allowed',
    ask: params({ RoleSessionName: 'aZ09_+=,.@-' }),
    emulator: ok,
    ceph: cephInvalid,
    because: 'AWS: `[\\w+=,.@-]*` [AssumeRoleWithWebIdentity]. Ceph does not take all of these.',
  },
  {
    name: 'a session name with a slash',
    ask: params({ RoleSessionName: 'a/b' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a session name with a blank',
    ask: params({ RoleSessionName: 'a b' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a session name with an umlaut',
    ask: params({ RoleSessionName: 'jürgen' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'no WebIdentityToken',
    ask: params({ WebIdentityToken: undefined }),
    emulator: invalid,
    ceph: denied,
    because: VALIDATION,
  },
  {
    name: '899 seconds',
    ask: params({ DurationSeconds: '899' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  { name: '900 seconds', ask: params({ DurationSeconds: '900' }), emulator: ok, ceph: ok },
  { name: 'as long as the role allows', ask: params({ DurationSeconds: '7200' }), emulator: ok, ceph: ok },
  {
    name: 'a second more than the role allows',
    ask: params({ DurationSeconds: '7201' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: '43,201 seconds',
    ask: params({ DurationSeconds: '43201' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a negative duration',
    ask: params({ DurationSeconds: '-1' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a duration in words',
    ask: params({ DurationSeconds: '1h' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  {
    name: 'a duration with a fraction',
    ask: params({ DurationSeconds: '900.5' }),
    emulator: invalid,
    ceph: cephInvalid,
    because: VALIDATION,
  },
  { name: 'a session policy', ask: policy(), emulator: ok, ceph: ok },
  { name: 'a session policy that is no JSON', ask: params({ Policy: '{' }), emulator: malformed, ceph: malformed },
  { name: 'a session policy that is a list', ask: params({ Policy: '[]' }), emulator: malformed, ceph: malformed },
  {
    name: 'an empty session policy',
    ask: params({ Policy: '' }),
    emulator: invalid,
    ceph: ok,
    because: 'AWS: `Policy` has at least one character [AssumeRoleWithWebIdentity]. To Ceph an empty one is none.',
  },
  {
    name: 'a session policy with a principal',
    ask: policy({ Principal: '*' }),
    emulator: malformed,
    ceph: ok,
    because: SESSION_POLICY,
  },
  {
    name: 'a session policy without Resource',
    ask: policy({ Resource: undefined }),
    emulator: malformed,
    ceph: ok,
    because: SESSION_POLICY,
  },
  {
    name: 'a session policy with an unknown element',
    ask: policy({ Actoin: 's3:*' }),
    emulator: malformed,
    ceph: malformed,
  },
  {
    name: 'a session policy with a member twice',
    ask: params({
      Policy:
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
    }),
    emulator: malformed,
    ceph: malformed,
  },
  {
    name: 'a session policy with Effect in lower case',
    ask: policy({ Effect: 'allow' }),
    emulator: malformed,
    ceph: malformed,
  },
  {
    name: 'a session policy of 2,049 characters',
    ask: policy({ Sid: 'x'.repeat(1_950) }),
    emulator: invalid,
    ceph: bad('PackedPolicyTooLarge'),
    because:
      'AWS: `Policy` has at most 2,048 characters; `PackedPolicyTooLarge` is for the packed size [AssumeRoleWithWebIdentity].',
  },
  {
    name: 'managed session policies',
    ask: params({ 'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess' }),
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'a managed session policy that is no ARN',
    ask: params({ 'PolicyArns.member.1.arn': 'ReadOnly' }),
    emulator: invalid,
    ceph: ok,
    because:
      'AWS: an ARN of 20 to 2,048 characters [PolicyDescriptorType]. Ceph does not read managed session policies.',
  },
];

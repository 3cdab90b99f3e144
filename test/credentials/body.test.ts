import { describe, expect, test } from 'vitest';
import { credentialsBody } from '../../src/credentials/body.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { workload } from '../support/workload.ts';
import { credentials } from './support.ts';

describe('the answer’s JSON', () => {
  const of = (parts: Parameters<typeof credentials>[2]) => credentialsBody(credentials(workload(), fakeClock(), parts));

  test('has at most 10,000 bytes, or is refused with the reason', () => {
    const bytes = (length: number) => Buffer.byteLength(of({ sessionToken: 'x'.repeat(length) }));
    const left = 10_000 - bytes(0);
    expect(bytes(left)).toBe(10_000);
    expect(() => bytes(left + 1)).toThrow(/10001 bytes and SDKs read 10000/);
  });

  test('leaves AccountId out where the role has no account', () => {
    expect(JSON.parse(of({ accountId: '' }))).not.toHaveProperty('AccountId');
    expect(JSON.parse(of({}))).toMatchObject({ AccountId: '123456789012', Code: 'Success', Type: 'AWS-HMAC' });
  });
});

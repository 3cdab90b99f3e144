import { describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Caller } from '../../src/auth/caller.ts';
import { InvalidAuthorizationToken } from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { claims, compact, makeKey, sign } from './support.ts';

const callerBy = (kind: Caller['kind']): Caller => ({ workload: workload({ name: kind }), kind, tokenHash: kind });
const TOKEN = 'static-token-0123456789abcdef0123456789';
const SESSION = 'session-0123456789abcdef';

function listener(has: { jwt?: boolean; session?: boolean } = { jwt: true, session: true }) {
  const asked: string[] = [];
  const authenticator = createAuthenticator({
    token: authorization => {
      asked.push('token');
      return authorization.replace(/^Bearer /i, '') === TOKEN ? callerBy('token') : undefined;
    },
    jwt: has.jwt
      ? {
          async authenticate(jwt) {
            asked.push('jwt');
            if (jwt.includes('AAAA')) throw new InvalidAuthorizationToken('bad');
            return callerBy('jwt');
          },
        }
      : undefined,
    session: has.session
      ? async () => {
          asked.push('session');
          return callerBy('session');
        }
      : undefined,
  });
  const outcome = async (authorization: string | undefined) => {
    try {
      return (await authenticator.authenticate(authorization)).kind;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { asked, authenticator, outcome };
}

const REFUSED = 'InvalidAuthorizationToken';

describe('the order, and no falling through', () => {
  it('a static token is answered synchronously, and nobody else hears of it', () => {
    const { asked, authenticator } = listener();
    expect(authenticator.authenticate(TOKEN)).toMatchObject({ kind: 'token' });
    expect(authenticator.authenticate(`Bearer ${TOKEN}`)).toMatchObject({ kind: 'token' });
    expect(asked).toEqual(['token', 'token']);
  });

  it('a JWT goes to the issuers alone, with or without Bearer in whatever case', async () => {
    const { asked, outcome } = listener();
    const jwt = await sign(makeKey('k'));
    for (const prefix of ['', 'Bearer ', 'bearer ']) expect(await outcome(prefix + jwt)).toBe('jwt');
    expect(asked).not.toContain('session');
  });

  it.each([
    ['that is bad', compact({ alg: 'ES256' }, claims(), 'AAAA')],
    ['without a signature', compact({ alg: 'none', AAAA: 'AAAA' }, claims()).replace(/^.{4}/, 'AAAA')],
    ['with an empty payload', 'AAAA..AAAA'],
  ])('a JWT %s reaches the session backend 0 times', async (_, jwt) => {
    const { asked, outcome } = listener();
    expect(await outcome(jwt)).toBe(REFUSED);
    expect(asked).toEqual(['token', 'jwt']);
  });

  it('a JWT reaches the session backend 0 times where no issuer is configured', async () => {
    const { asked, outcome } = listener({ session: true });
    expect(await outcome(await sign(makeKey('k')))).toBe(REFUSED);
    expect(asked).toEqual(['token']);
  });

  it('anything else that may be carried goes to the session backend', async () => {
    expect(await listener().outcome(`Bearer ${SESSION}`)).toBe('session');
  });

  it('nothing goes to a session backend that this listener doesn’t have', async () => {
    expect(await listener({ jwt: true }).outcome(SESSION)).toBe(REFUSED);
  });

  it.each([
    ['15 characters', 'a'.repeat(15)],
    ['513 characters', 'a'.repeat(513)],
    ['a space', 'session 0123456789abcdef'],
    ['a line break', 'session-0123456789abcdef\r\nX: y'],
    ['a slash', 'session/0123456789abcdef'],
    ['what is beyond ASCII', 'sessión-0123456789abcdef'],
    ['two Bearers', `Bearer Bearer ${SESSION}`],
  ])('a value with %s is never carried to the session backend', async (_, value) => {
    const { asked, outcome } = listener();
    expect(await outcome(value)).toBe(REFUSED);
    expect(asked).not.toContain('session');
  });

  it('nothing is asked for no value at all', async () => {
    const { asked, outcome } = listener();
    expect(await outcome(undefined)).toBe(REFUSED);
    expect(await outcome('')).toBe(REFUSED);
    expect(asked).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKeyFile, type SigningKey } from '../../../src/identity-token/keys/file.ts';
import { keySetOf } from '../../../src/identity-token/keys/set.ts';
import { NOW, temporaryFolder, writeKey } from '../support.ts';

const now = NOW / 1000;

async function keyMaker(): Promise<(kid: string, notBefore?: number, retireAt?: number) => SigningKey> {
  const { key } = await readKeyFile(writeKey(temporaryFolder(), 'k.json'), 'oidc');
  return (kid, notBefore = 0, retireAt = undefined) => ({
    ...key,
    kid,
    notBefore,
    retireAt,
    publicJwk: { ...key.publicJwk, kid },
  });
}

const kids = (set: ReturnType<typeof keySetOf>, at = NOW) => set.publicJwks(at).keys.map(({ kid }) => kid);

describe('which key signs', () => {
  it('is the newest whose not_before has passed, to the second', async () => {
    const key = await keyMaker();
    const set = keySetOf('keys', [key('old'), key('new', now), key('next', now + 60)]);
    expect(set.activeKey(NOW - 1).kid).toBe('old');
    expect(set.activeKey(NOW).kid).toBe('new');
    expect(set.activeKey(NOW + 59_999).kid).toBe('new');
    expect(set.activeKey(NOW + 60_000).kid).toBe('next');
  });

  it('is never one that is retired, from that second on', async () => {
    const key = await keyMaker();
    const set = keySetOf('keys', [key('old'), key('new', now - 5, now + 60)]);
    expect(set.activeKey(NOW + 59_999).kid).toBe('new');
    expect(set.activeKey(NOW + 60_000).kid).toBe('old');
    expect(kids(set, NOW + 60_000)).toEqual(['old']);
  });

  it('is the same in every replica, whatever order the files come in', async () => {
    const key = await keyMaker();
    const times = fc.option(fc.integer({ min: now - 3, max: now + 3 }), { nil: undefined });
    const made = fc.uniqueArray(fc.record({ kid: fc.constantFrom(...'abcdef'), from: times, until: times }), {
      selector: ({ kid }) => kid,
      minLength: 1,
    });
    fc.assert(
      fc.property(made, fc.func(fc.nat()), (records, rank) => {
        const keys = records.map(({ kid, from, until }) => key(kid, from, until));
        const shuffled = [...keys].sort((a, b) => rank(a.kid) - rank(b.kid));
        const [one, two] = [keySetOf('keys', keys), keySetOf('keys', shuffled)];
        expect(kids(one)).toEqual(kids(two));
        const able = keys.filter(k => k.notBefore <= now && (k.retireAt ?? Infinity) > now);
        if (able.length === 0) {
          expect(() => one.activeKey(NOW)).toThrow('no key can sign now');
          return;
        }
        const signer = one.activeKey(NOW);
        expect(able.every(k => k.notBefore <= signer.notBefore)).toBe(true);
        expect(kids(one)[0]).toBe(signer.kid);
      }),
    );
  });

  it('is nobody, with the reason, when all are retired or the next one waits', async () => {
    const key = await keyMaker();
    expect(() => keySetOf('keys', [key('old', 0, now)]).activeKey(NOW)).toThrow('every key is retired or revoked');
    expect(() => keySetOf('keys', [key('next', now + 60)]).activeKey(NOW)).toThrow(
      'next, may sign from 2026-01-01T00:01:00',
    );
  });
});

describe('the JWKS', () => {
  it('shows the signing key first, then the next and the retiring ones, and no retired one', async () => {
    const key = await keyMaker();
    const set = keySetOf('keys', [
      key('retired', 0, now - 1),
      key('retiring', 1, now + 9),
      key('now', 2),
      key('next', now + 9),
    ]);
    expect(kids(set)).toEqual(['now', 'next', 'retiring']);
  });
});

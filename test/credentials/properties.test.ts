/** No interleaving of reload, exchange in flight, disk and request may break these. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CachedCredentials } from '../../src/credentials/cached.ts';
import { lifeLeft } from '../../src/credentials/credentials.ts';
import type { Vended } from '../../src/credentials/vending.ts';
import { StsRefused, StsUnavailable, WalletcredsError } from '../../src/lib/errors.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { workload } from '../support/workload.ts';
import { bodyOf, callerOf, credentials, setUp } from './support.ts';

const WALLETS = ['0x52908400098527886e0f7030069857d2e4169ee7', '0xde709f2102306220921060314715629080e2fb77'].map(
  parseWallet,
);
/** Two names, two wallets: a reload changes the wallet behind a name, or the name in front of a wallet. */
const CONFIGURED = ['a', 'b'].flatMap(name => WALLETS.map(wallet => workload({ name, wallet })));
const DYNAMIC = WALLETS.map(wallet => workload({ name: 'session:a', wallet, origin: 'dynamic' }));
const IDENTITIES = [...CONFIGURED, ...DYNAMIC];
const configured = fc.integer({ min: 0, max: CONFIGURED.length - 1 });
const identity = fc.integer({ min: 0, max: IDENTITIES.length - 1 });

type Step =
  | { readonly do: 'reload'; readonly keep: number[]; readonly prefetch: boolean }
  | { readonly do: 'vend' | 'mint'; readonly who: number; readonly token: number }
  | { readonly do: 'grant' | 'refuse' | 'fail' | 'throttle' | 'durable' | 'lost'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'step'; readonly ms: number };

const which = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      keep: fc.uniqueArray(configured),
      prefetch: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('vend' as const, 'vend' as const, 'mint' as const),
      who: identity,
      token: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('grant' as const, 'grant' as const, 'refuse' as const, 'fail' as const, 'throttle' as const),
      which,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('durable' as const, 'durable' as const, 'lost' as const), which }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 10, 950, 1_500, 35_000, 1_500_000, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('step' as const), ms: fc.constantFrom(-3_600_000, 1_800_000, 7_200_000) }),
  },
);

describe('whatever the order of reloads, requests, STS’s answers and the disk’s', () => {
  test('nothing is vended that the current snapshot lacks, that is another’s, that has expired, or that has no row on disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { minLength: 5, maxLength: 60 }), async steps => {
        const { vending, exchange, auditLog, clock } = setUp();
        exchange.answer = () => {};
        auditLog.paused = true;
        let snapshot = new Set<string>();
        /** A reload ends what dynamic identities had asked for before it. */
        let reloads = 0;
        const faults: string[] = [];
        const answered = new Set<unknown>();
        let vends = 0;
        const notVended = (error: unknown) => {
          if (!(error instanceof WalletcredsError)) faults.push(String(error));
        };

        const check = (
          who: number,
          token: number,
          got: { id: string; secret: string; session: string; askedAfter: number },
        ) => {
          const w = IDENTITIES[who];
          const granted = exchange.granted.get(got.id);
          if (w === undefined || granted === undefined) throw new Error('no such identity, or never granted');
          vends++;
          const current = w.origin === 'dynamic' ? got.askedAfter === reloads : snapshot.has(w.id);
          if (!current) faults.push(`vended ${w.name} of ${w.wallet}, which the snapshot lacks`);
          if (got.secret !== `secret-of-${w.wallet}` || got.session !== `session-of-${w.name}`) {
            faults.push(`${w.name} of ${w.wallet} got ${got.secret}`);
          }
          if (lifeLeft(granted, clock) <= 0) faults.push('expired');
          const covered = auditLog.records.some(
            record =>
              record.outcome === 'ok' &&
              record.access_key_id === got.id &&
              record.requester_token_hash === `token-${token}`,
          );
          if (!covered) faults.push(`no record on disk for ${got.id} to token-${token}`);
        };

        for (const [s, settles] of steps) {
          if (s.do === 'reload') {
            const kept = s.keep.flatMap(i => IDENTITIES[i] ?? []);
            reloads++;
            snapshot = new Set(kept.map(w => w.id));
            vending.reconcile(kept.map(w => ({ workload: w, prefetch: s.prefetch })));
          } else if (s.do === 'vend' || s.do === 'mint') {
            const w = IDENTITIES[s.who];
            if (w === undefined) continue;
            const caller = callerOf(w, { tokenHash: `token-${s.token}` });
            const askedAfter = reloads;
            const checkBody = (vended: Vended) => {
              const { AccessKeyId, SecretAccessKey, Token } = bodyOf(vended);
              check(s.who, s.token, { id: AccessKeyId, secret: SecretAccessKey, session: Token, askedAfter });
            };
            if (s.do === 'vend') {
              const vended = vending.vend(caller);
              if (vended instanceof Promise) vended.then(checkBody).catch(notVended);
              else checkBody(vended);
            } else {
              vending
                .mint(caller, 'credentials')
                .then(({ accessKeyId: id, secretAccessKey: secret, sessionToken: session }) =>
                  check(s.who, s.token, { id, secret, session, askedAfter }),
                )
                .catch(notVended);
            }
          } else if (s.do === 'grant' || s.do === 'refuse' || s.do === 'fail' || s.do === 'throttle') {
            const open = exchange.calls.filter(call => !answered.has(call));
            const call = open[s.which % Math.max(1, open.length)];
            if (call === undefined) continue;
            answered.add(call);
            if (s.do === 'grant') call.grant();
            else if (s.do === 'refuse') call.fail(new StsRefused('AccessDenied', 'no'));
            else call.fail(new StsUnavailable('down', { throttled: s.do === 'throttle' }));
          } else if (s.do === 'durable' || s.do === 'lost') {
            const open = auditLog.pending.filter(append => !answered.has(append));
            const append = open[s.which % Math.max(1, open.length)];
            if (append === undefined) continue;
            answered.add(append);
            append[s.do]();
          } else if (s.do === 'wait') await clock.advance(s.ms);
          else if (s.do === 'step') clock.stepWall(s.ms);
          // Some steps come within one turn of the event loop, others after everything has settled.
          if (settles) await clock.advance(0);
        }
        auditLog.paused = false;
        for (const append of auditLog.pending) if (!answered.has(append)) append.durable();
        await vending.close();
        await clock.advance(5_000);
        expect(faults).toEqual([]);
        // Rows may count a vend whose client had gone; none that left is without.
        expect(auditLog.vends()).toBeGreaterThanOrEqual(vends);
      }),
      {
        numRuns: 400,
        examples: [
          // A mint whose row takes longer to be written than its credentials live.
          [
            [
              [{ do: 'reload', keep: [1], prefetch: false }, false],
              [{ do: 'mint', who: 1, token: 0 }, false],
              [{ do: 'wait', ms: 0 }, false],
              [{ do: 'grant', which: 0 }, false],
              [{ do: 'wait', ms: 0 }, false],
              [{ do: 'wait', ms: 3_600_000 }, false],
              [{ do: 'durable', which: 0 }, true],
            ],
          ],
        ],
      },
    );
  });

  test('8 to 64 exchanges are under way while that many are owed, and every workload gets its turn', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), fc.infiniteStream(fc.nat()), async (count, picks) => {
        const { vending, exchange, clock } = setUp();
        exchange.answer = () => {};
        const all = Array.from({ length: count }, (_, i) => workload({ name: `w${i}` }));
        vending.reconcile(all.map(w => ({ workload: w, prefetch: true })));
        const open = new Set(exchange.calls);
        for (let done = 0; done < count; ) {
          await clock.advance(0);
          for (const call of exchange.calls.slice(done + open.size)) open.add(call);
          expect(open.size).toBeGreaterThanOrEqual(Math.min(8, count - done));
          expect(open.size).toBeLessThanOrEqual(64);
          const [pick] = picks.take(1);
          const call = [...open][(pick ?? 0) % open.size];
          if (call === undefined) break;
          open.delete(call);
          done++;
          call.grant();
        }
        await clock.advance(0);
        expect(vending.status().every(({ state }) => state === 'valid')).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

test('the life that is left is the smaller of what the wall clock says and what has run off since STS’s Date', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 43_200_000 }),
      fc.integer({ min: -7_200_000, max: 7_200_000 }),
      fc.integer({ min: -7_200_000, max: 7_200_000 }),
      fc.integer({ min: 0, max: 50_000_000 }),
      (life, skew, step, passed) => {
        const clock = fakeClock();
        const began = clock.wall();
        const stsDate = began + Math.min(skew, life - 1);
        const got = credentials(workload(), clock, { lifetime: life, stsDate });
        const cached = new CachedCredentials(workload(), got, { body: '{}', minRemainingLifetime: 60_000, jitter: 0 });
        const monotonic = clock.monotonic() + passed;
        const later = { ...clock, wall: () => began + step + passed, monotonic: () => monotonic };
        const left = Math.min(began + life - (began + step + passed), began + life - stsDate - passed);
        expect(lifeLeft(got, later)).toBe(left);
        expect(cached.left(later.wall(), monotonic)).toBe(left);
      },
    ),
  );
});

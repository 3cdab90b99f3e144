/**
 * Reloads in between: wallets and tokens of two workloads change while requests are under way. A token gets the wallet
 * that it stands for in a configuration that was in force while it was asked, and never anybody else's.
 *
 * In this process, so that a reload is over when its promise is. The STS is the emulator, which says whose credentials
 * they are.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSidecar, type RunningSidecar } from '../../src/index.ts';
import { type Chain, ROLE, startChain } from '../support/chain.ts';
import { ask } from '../support/request.ts';

const wallet = (digit: string) => `0x${digit.repeat(40)}`;
const wallets = ['1', '2', '3', '4'].map(wallet);
const names = ['first', 'second'] as const;
/** Which wallet each name has, by its place in `wallets`; always two different ones. */
type State = readonly [number, number];
const states: readonly State[] = [0, 1, 2, 3].flatMap(a => [0, 1, 2, 3].filter(b => b !== a).map(b => [a, b] as const));

let chain: Chain;
let sidecar: RunningSidecar;
let port = 0;

const config = ([a, b]: State) => ({
  region: 'us-east-1',
  role_arn: ROLE,
  endpoint: { listen: [`127.0.0.1:${chain.port}`], token_overlap: '5m' },
  admin: { listen: `127.0.0.1:${chain.port + 2}` },
  identity_token: { signer: { issuer: chain.issuer, keys_dir: 'keys' } },
  sts: { endpoint: chain.sts.url },
  workloads: {
    first: { wallet: wallets[a], token_file: 'tokens/first' },
    second: { wallet: wallets[b], token_file: 'tokens/second' },
  },
});

beforeAll(async () => {
  chain = await startChain();
  mkdirSync(join(chain.folder, 'tokens'), { recursive: true });
  sidecar = await createSidecar({ config: config([0, 1]), baseDir: chain.folder, env: {}, logTo: { write: () => {} } });
  await sidecar.ready();
  port = chain.port;
});
afterAll(async () => {
  await sidecar?.close();
  await chain?.close();
});

/** The wallet that STS gave these credentials for; undefined for a refusal without any. */
async function walletFor(name: (typeof names)[number]): Promise<string | undefined> {
  const answer = await ask({ port, path: '/v1/credentials', headers: { Authorization: sidecar.tokens[name] ?? '' } });
  if (answer.status !== 200) {
    expect([401, 403, 503]).toContain(answer.status);
    expect(answer.body).not.toContain('SecretAccessKey');
    return undefined;
  }
  const session = chain.sts.sessions.get((JSON.parse(answer.body) as { AccessKeyId: string }).AccessKeyId);
  return /0x[0-9a-f]{40}/.exec(session?.sessionName ?? '')?.[0] ?? 'nobody’s';
}

type Step = { ask: 0 | 1 } | { reload: State };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>({ ask: 0 }, { ask: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(...states).map(reload => ({ reload })) },
);

test('no interleaving of reloads and requests gives one the other’s wallet, or a wallet that is gone', async () => {
  let state: State = [0, 1];
  let right = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
      const pending: Promise<void>[] = [];
      /** Every state that was in force since a request began; a reload adds to what is open. */
      const open = new Set<State[]>();
      for (const next of steps) {
        if ('ask' in next) {
          const states: State[] = [state];
          open.add(states);
          pending.push(
            walletFor(names[next.ask]).then(got => {
              open.delete(states);
              if (got === undefined) return;
              expect(states.map(one => wallets[one[next.ask]])).toContain(got);
              right++;
            }),
          );
        } else {
          for (const states of open) states.push(next.reload);
          await sidecar.reload(config(next.reload));
          state = next.reload;
        }
      }
      await Promise.all(pending);
      // And when all is quiet, each has its own.
      for (const [i, name] of names.entries())
        await expect.poll(() => walletFor(name), { timeout: 5_000 }).toBe(wallets[state[i] ?? 0]);
    }),
    { numRuns: 15 },
  );
  expect(right).toBeGreaterThan(50);
}, 60_000);

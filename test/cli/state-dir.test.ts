import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Chain, type Serving, startChain, startServe } from '../support/chain.ts';
import { freePorts } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain.close());

/** A `serve` on the chain's folder, with ports of its own. */
async function serving(name: string): Promise<Serving> {
  const port = await freePorts(3);
  const yaml = chain.yaml({ a: WALLET });
  const moved = [0, 2].reduce((text, n) => text.replaceAll(`:${chain.port + n}"`, `:${port + n}"`), yaml);
  chain.write(`${name}.yaml`, moved);
  const serve = startServe(chain, { env: { WALLETCREDS_CONFIG: `${name}.yaml` } });
  onTestFinished(async () => {
    serve.child.kill('SIGKILL');
    await serve.exited;
  });
  await serve.said('serving');
  return serve;
}

async function stopped(serve: Serving): Promise<readonly Record<string, unknown>[]> {
  serve.child.kill('SIGTERM');
  await serve.exited;
  return serve.lines.filter(({ code }) => code === 'StateDirShared');
}

test('a second serve on one state_dir warns with the fix, and serves', async () => {
  const first = await serving('first');
  const second = await serving('second');
  expect(await stopped(second)).toMatchObject([
    {
      level: 'warn',
      msg: expect.stringMatching(/^another walletcreds serve uses state_dir \/.*give each a state_dir/),
    },
  ]);
  expect(await stopped(first)).toEqual([]);
});

test('a serve that was stopped or killed leaves nothing that the next one takes for a second', async () => {
  expect(await stopped(await serving('stopped'))).toEqual([]);
  const killed = await serving('killed');
  killed.child.kill('SIGKILL');
  await killed.exited;
  expect(await stopped(await serving('next'))).toEqual([]);
});

/**
 * A flood of requests that show nothing, or nothing good, at the real program: the audit log is no off switch.
 */
import { Agent } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { recordsIn } from '../audit/support.ts';
import { credentialsFor, startChain, startServe, tokenOf } from '../support/chain.ts';
import { flood } from '../support/flood.ts';
import { ask } from '../support/request.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const REQUESTS = 5_000;

/** Every kind of unauthenticated client: without a token, with a made-up one each time, with a bad scheme, with what looks like a JWT. */
const unauthenticated = [
  () => '',
  (n: number) => `Authorization: ${String(n).padStart(64, 'f')}\r\n`,
  (n: number) => `Authorization: Basic ${n}\r\n`,
  (n: number) => `Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIke24ifQ.${'A'.repeat(1 + (n % 40))}\r\n`,
];

/** @returns milliseconds below which 99 of 100 lie */
function p99(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN;
}

it('5,000 unauthenticated requests are a handful of rows that count each of them, and a workload goes on being answered', async ({
  annotate,
}) => {
  const chain = await startChain();
  onTestFinished(() => chain.close());
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
  const serve = startServe(chain);
  onTestFinished(async () => {
    serve.child.kill('SIGKILL');
    await serve.exited;
  });
  await serve.said('credentials from STS');
  const token = tokenOf(chain, 'a');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const vend = async () => {
    const { status, ms } = await ask({
      port: chain.port,
      path: '/v1/credentials',
      headers: { Authorization: token },
      agent,
    });
    expect(status).toBe(200);
    return ms;
  };
  const before: number[] = [];
  for (let n = 0; n < 200; n++) before.push(await vend());

  const began = Math.floor(Date.now() / 60_000);
  const during: number[] = [];
  let over = false;
  const flooding = flood({
    port: chain.port,
    requests: REQUESTS,
    connections: 32,
    headerOf: n => unauthenticated[n % unauthenticated.length]?.(n) ?? '',
  }).finally(() => {
    over = true;
  });
  while (!over) during.push(await vend());
  const { statuses, ms } = await flooding;
  expect(statuses).toEqual({ 401: REQUESTS });
  expect(during.length).toBeGreaterThan(10);
  expect((await credentialsFor(chain, token)).status).toBe(200);

  serve.child.kill('SIGTERM');
  expect(await serve.exited).toBe(0);
  const minutes = Math.floor(Date.now() / 60_000) - began + 1;
  const failures = recordsIn(join(chain.folder, 'audit.sqlite'), "outcome = 'auth_failed'");
  expect(failures.length).toBeLessThanOrEqual(60 * minutes);
  expect(failures.reduce((sum, row) => sum + Number(row['count']), 0)).toBe(REQUESTS);
  const vends = recordsIn(join(chain.folder, 'audit.sqlite'), "outcome = 'ok' AND source = 'cached'");
  expect(vends.reduce((sum, row) => sum + Number(row['count']), 0)).toBe(before.length + during.length + 1);
  await annotate(
    `${REQUESTS} refusals in ${ms.toFixed(0)} ms, ${failures.length} rows; p99 of a vend ${p99(before).toFixed(2)} ms before, ${p99(during).toFixed(2)} ms meanwhile`,
  );
}, 60_000);

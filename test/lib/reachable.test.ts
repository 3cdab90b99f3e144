import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { probeReachable } from '../../src/lib/reachable.ts';
import { fakeClock } from '../support/fake-clock.ts';

/** Nothing answers under this name; a probe of it would fail. */
const STS = 'https://sts.invalid';

it.each([
  ['the proxy, where the endpoint is behind one', []],
  ['the endpoint, where NO_PROXY has it', ['sts.invalid']],
])('connects to %s', async (_, noProxy) => {
  const accepted: string[] = [];
  const proxy = createServer(socket => {
    accepted.push('proxy');
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const clock = fakeClock();
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const probe = probeReachable(STS, clock, { url, noProxy });
  onTestFinished(() => probe.close());
  await clock.advance(1_000);
  const direct = noProxy.length > 0;
  await vi.waitFor(() => expect(direct ? probe.problem : accepted[0]).toBeDefined(), 5_000);
  expect(accepted).toEqual(direct ? [] : ['proxy']);
  expect(probe.problem === undefined).toBe(!direct);
});

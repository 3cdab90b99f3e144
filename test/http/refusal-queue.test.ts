/**
 * Refusals wait for their turn, so that unauthenticated clients don't slow down workloads.
 */
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRefusalQueue, refusalQueue } from '../../src/http/refusal-queue.ts';
import { keptLog, sampleEndpoint, tokenOf } from './support/sample.ts';
import { exchange, listening, replies, socketTo } from './support/wire.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A queue on a clock that stands still until a test moves it. The event loop turns as ever. */
function fakeQueue() {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  const queue = createRefusalQueue();
  const order: number[] = [];
  let added = 0;
  /** More turns of the event loop than anybody wants in one millisecond. */
  const turns = async () => {
    for (let n = 0; n < 50; n++) await new Promise(setImmediate);
  };
  return {
    order,
    add(count: number) {
      for (let n = 0; n < count; n++) {
        const number = added++;
        void queue.turn().then(() => order.push(number));
      }
    },
    async pass(ms: number) {
      await turns();
      for (let n = 0; n < ms; n++) {
        vi.advanceTimersByTime(1);
        await turns();
      }
    },
  };
}

describe('the queue', () => {
  it('lets nobody go before the caller has gone on', async () => {
    const { add, order, pass } = fakeQueue();
    add(1);
    await Promise.resolve();
    expect(order).toEqual([]);
    await pass(0);
    expect(order).toEqual([0]);
  });

  it('lets one go in a turn of the event loop, and four in a millisecond', async () => {
    const { add, order, pass } = fakeQueue();
    add(40);
    await new Promise(setImmediate);
    expect(order).toHaveLength(1);
    await new Promise(setImmediate);
    expect(order).toHaveLength(2);
    await pass(0);
    expect(order).toHaveLength(4);
    await pass(1);
    expect(order).toHaveLength(8);
    await pass(8);
    expect(order).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  it('lets so many go in a millisecond that hardly any waits for a second, though ten thousand do', async () => {
    const { add, order, pass } = fakeQueue();
    add(10_000);
    await pass(1_000);
    expect(order.length).toBeGreaterThan(9_500);
  });

  it('goes on after it was empty', async () => {
    const { add, order, pass } = fakeQueue();
    add(1);
    await pass(10);
    add(1);
    await pass(10);
    expect(order).toEqual([0, 1]);
  });
});

describe('at a listener', () => {
  const UNAUTHENTICATED = 'GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nAuthorization: nobody\r\n\r\n';

  it('a workload is answered while an unauthenticated client waits behind two thousand others', async () => {
    const { handler, log } = sampleEndpoint();
    const { port } = await listening(handler, log);
    const [unauthenticated, workload] = [await socketTo(port), await socketTo(port)];
    const others = Array.from({ length: 2_000 }, () => refusalQueue.turn());
    const order: unknown[] = [];
    const answered = [unauthenticated, workload].map(async socket => {
      const [data] = await once(socket, 'data');
      order.push(replies(String(data))[0]?.status);
    });
    unauthenticated.write(UNAUTHENTICATED);
    workload.write(UNAUTHENTICATED.replace('nobody', tokenOf('alpha')));
    await Promise.all([...answered, ...others]);
    expect(order).toEqual([200, 401]);
  });

  it('eight pipelined refusals are sent, then the connection ends, and the other requests aren’t looked at', async () => {
    const refused = vi.fn();
    const { log } = keptLog();
    const sample = sampleEndpoint({ refused });
    const { port } = await listening(sample.handler, log);
    const answers = await exchange(port, UNAUTHENTICATED.repeat(500));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(401));
    expect(answers.map(({ headers }) => headers['connection'])).toEqual([...Array(7).fill('keep-alive'), 'close']);
    expect(refused).toHaveBeenCalledTimes(8);
  });

  it('a connection that pipelines has eight questions about its callers under way, and no more', async () => {
    const asked = vi.fn(() => new Promise<never>(() => {}));
    const { log } = keptLog();
    const { port } = await listening(sampleEndpoint({ authenticator: { authenticate: asked } }).handler, log);
    const [pipelining, other] = [await socketTo(port), await socketTo(port)];
    pipelining.write(UNAUTHENTICATED.repeat(100));
    await expect.poll(() => asked.mock.calls.length).toBe(8);
    other.write(UNAUTHENTICATED);
    await expect.poll(() => asked.mock.calls.length).toBe(9);
  });

  it('a connection that is refused a hundred times, one after the other, stays open', async () => {
    const { handler, log } = sampleEndpoint();
    const { port } = await listening(handler, log);
    const socket = await socketTo(port);
    for (let n = 0; n < 100; n++) {
      socket.write(UNAUTHENTICATED);
      const [data] = await once(socket, 'data');
      expect(replies(String(data))[0]?.headers['connection']).toBe('keep-alive');
    }
  });
});

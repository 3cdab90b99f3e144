/**
 * Whose turn it is to be refused: one refusal in a turn of the event loop, a few in a millisecond, and never a long wait.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { createTurns, isCutOff, isWaiting, type Loop, turns } from '../../src/http/refusal-queue.ts';
import { keptLog, sampleApp, tokenOf } from './support/sample.ts';
import { exchange, listening, replies, socketTo } from './support/wire.ts';

type Given = { req: { socket: object }; shouldKeepAlive: boolean };
const response = (socket: object = {}) => ({ req: { socket }, shouldKeepAlive: true }) as Given & ServerResponse;
const cutOff = ({ req }: Given) => isCutOff(req as IncomingMessage);

/** An event loop that turns, and a millisecond that passes, only when a test says so. */
function fakeLoop() {
  let now = 0;
  const soon: (() => void)[] = [];
  const later: (() => void)[] = [];
  const loop: Loop = { now: () => now, soon: callback => soon.push(callback), later: callback => later.push(callback) };
  return {
    loop,
    /** One turn: whatever wants one now. */
    turn() {
      for (const callback of soon.splice(0)) callback();
    },
    /** All turns that anybody wants within this millisecond. */
    spend() {
      while (soon.length > 0) this.turn();
    },
    pass() {
      now++;
      for (const callback of later.splice(0)) callback();
    },
    all() {
      while (soon.length + later.length > 0) {
        this.spend();
        this.pass();
      }
    },
  };
}

describe('the line', () => {
  it('answers nobody before whoever asked for a turn has gone on', () => {
    const time = fakeLoop();
    const answered = vi.fn();
    const one = response();
    const line = createTurns(time.loop);
    line.take(one, answered);
    expect(answered).not.toHaveBeenCalled();
    expect(isWaiting(one)).toBe(true);
    time.turn();
    expect(answered).toHaveBeenCalledOnce();
    expect(isWaiting(one)).toBe(false);
    expect(line.waiting).toBe(0);
  });

  it('gives one answer a turn, four a millisecond, in the order in which they were asked for', () => {
    const time = fakeLoop();
    const order: number[] = [];
    const line = createTurns(time.loop);
    for (let n = 0; n < 12; n++) line.take(response(), () => order.push(n));
    time.turn();
    expect(order).toEqual([0]);
    time.turn();
    expect(order).toEqual([0, 1]);
    time.spend();
    expect(order).toHaveLength(4);
    time.pass();
    time.spend();
    expect(order).toHaveLength(8);
    time.all();
    expect(order).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it('gives as many in a millisecond that nobody waits for a second, though ten thousand do', () => {
    const time = fakeLoop();
    const line = createTurns(time.loop);
    let answered = 0;
    for (let n = 0; n < 10_000; n++) line.take(response(), () => answered++);
    for (let ms = 0; ms < 1_000; ms++) {
      time.spend();
      time.pass();
    }
    expect(answered).toBeGreaterThan(9_500);
    time.all();
    expect(answered).toBe(10_000);
    expect(line.waiting).toBe(0);
  });

  it('goes on after it was empty', () => {
    const time = fakeLoop();
    const line = createTurns(time.loop);
    const answered = vi.fn();
    line.take(response(), answered);
    time.all();
    line.take(response(), answered);
    time.all();
    expect(answered).toHaveBeenCalledTimes(2);
  });

  it('goes on behind an answer that fails', () => {
    const time = fakeLoop();
    const line = createTurns(time.loop);
    const answered = vi.fn();
    const fails = () => {
      throw new Error('of a test');
    };
    for (const answer of [fails, answered, fails]) line.take(response(), answer);
    expect(() => time.turn()).toThrow('of a test');
    time.turn();
    expect(answered).toHaveBeenCalledOnce();
    expect(() => time.turn()).toThrow('of a test');
    line.take(response(), answered);
    time.all();
    expect(answered).toHaveBeenCalledTimes(2);
    expect(line.waiting).toBe(0);
  });

  it('cuts a connection off whose eighth refusal waits, and no other', () => {
    const time = fakeLoop();
    const line = createTurns(time.loop);
    const socket = {};
    const piped = Array.from({ length: 8 }, () => response(socket));
    const other = response();
    for (const each of [...piped, other]) line.take(each, () => {});
    expect(piped.map(({ shouldKeepAlive }) => shouldKeepAlive)).toEqual([...Array(7).fill(true), false]);
    expect([piped[0], other].map(each => cutOff(each as Given))).toEqual([true, false]);
    time.all();
    expect(cutOff(piped[0] as Given)).toBe(true);
  });

  it('leaves a connection alone that has been refused often, one request after the other', () => {
    const time = fakeLoop();
    const line = createTurns(time.loop);
    const socket = {};
    for (let n = 0; n < 100; n++) {
      const each = response(socket);
      line.take(each, () => {});
      time.all();
      expect([each.shouldKeepAlive, cutOff(each)]).toEqual([true, false]);
    }
  });
});

describe('at a listener', () => {
  const STRANGER = 'GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\nAuthorization: nobody\r\n\r\n';

  it('answers a workload at once while a stranger waits behind two thousand others', async () => {
    const { app, log } = sampleApp();
    const { port } = await listening(app, log);
    const [stranger, workload] = [await socketTo(port), await socketTo(port)];
    for (let n = 0; n < 2_000; n++) turns.take(response(), () => {});
    const order: unknown[] = [];
    const answered = [stranger, workload].map(async socket => {
      const [data] = await once(socket, 'data');
      order.push(replies(String(data))[0]?.status);
    });
    stranger.write(STRANGER);
    workload.write(STRANGER.replace('nobody', tokenOf('alpha')));
    await Promise.all(answered);
    expect(order).toEqual([200, 401]);
    expect(turns.waiting).toBe(0);
  });

  it('answers eight pipelined strangers in form, closes behind them, and doesn’t look at the rest', async () => {
    const asked = vi.fn();
    const { log } = keptLog();
    const sample = sampleApp({ refused: asked });
    const { port } = await listening(sample.app, log);
    const answers = await exchange(port, STRANGER.repeat(500));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(401));
    expect(answers.map(({ headers }) => headers['connection'])).toEqual([...Array(7).fill('keep-alive'), 'close']);
    expect(asked).toHaveBeenCalledTimes(8);
  });
});

/**
 * Who stays connected: the rule itself, over stand-ins for sockets. Real ones are in conformance/connections.test.ts.
 */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../../src/http/connection.ts';
import { Connections } from '../../src/http/connections.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** As much of a socket as is looked at. */
function socket() {
  const made = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableLength: 0,
    destroy() {
      if (made.destroyed) return;
      made.destroyed = true;
      made.emit('close');
    },
    destroySoon: () => made.destroy(),
  });
  return made as unknown as Socket & { destroyed: boolean; writableLength: number };
}
type FakeSocket = ReturnType<typeof socket>;

/** A request; `end` is the end of its response. */
function ask(connections: Connections, of: FakeSocket) {
  const outgoing = Object.assign(new EventEmitter(), { req: { socket: of } }) as unknown as ServerResponse;
  const connection = connections.begin(of, outgoing);
  return { connection: connection as Connection, end: () => outgoing.emit('close') };
}

/** A connection that is kept alive after a response; its owner is absent for an unauthenticated one. */
function kept(connections: Connections, owner?: string): FakeSocket {
  const made = socket();
  connections.accept(made, { tls: false });
  const { connection, end } = ask(connections, made);
  if (owner !== undefined) connections.authenticated(connection, owner);
  end();
  vi.advanceTimersByTime(1);
  return made;
}

const alive = (sockets: readonly FakeSocket[]) => sockets.map(({ destroyed }) => !destroyed);

describe('at capacity', () => {
  it('the longest idle unauthenticated connection goes, though an authenticated one has been idle for longer', () => {
    const connections = new Connections(3);
    const all = [kept(connections, 'a'), kept(connections), kept(connections)];
    const next = kept(connections, 'b');
    expect(alive([...all, next])).toEqual([true, false, true, true]);
  });

  it('a request makes a connection the one that was idle last', () => {
    const connections = new Connections(3);
    const all = [kept(connections), kept(connections), kept(connections)];
    ask(connections, all[0] as FakeSocket).end();
    kept(connections, 'b');
    expect(alive(all)).toEqual([true, false, true]);
  });

  it('the longest idle authenticated one goes where no other is left', () => {
    const connections = new Connections(3);
    const all = ['a', 'b', 'c'].map(owner => kept(connections, owner));
    ask(connections, all[0] as FakeSocket).end();
    const next = kept(connections, 'd');
    expect(alive([...all, next])).toEqual([true, false, true, true]);
  });

  it('one with a response on its way stays, unless nothing of it was read for five seconds', () => {
    const connections = new Connections(3);
    const all = ['a', 'b', 'c'].map(owner => kept(connections, owner));
    for (const each of all) {
      ask(connections, each);
      each.writableLength = 1;
    }
    const refused = socket();
    connections.accept(refused, { tls: false });
    expect(connections.authenticated(ask(connections, refused).connection, 'd')).toBe(false);
    vi.advanceTimersByTime(5_001);
    const next = kept(connections, 'd');
    expect(alive([...all, next])).toEqual([false, true, true, true]);
  });

  it('one that waits for a backend is idle', () => {
    const connections = new Connections(1);
    const waiting = socket();
    connections.accept(waiting, { tls: false });
    connections.authenticated(ask(connections, waiting).connection, 'a');
    const next = kept(connections, 'b');
    expect(alive([waiting, next])).toEqual([false, true]);
  });

  it('an unauthenticated one goes, though a response is on its way to it', () => {
    const connections = new Connections(1);
    const reading = socket();
    connections.accept(reading, { tls: false });
    ask(connections, reading);
    reading.writableLength = 1;
    const next = kept(connections, 'b');
    expect(alive([reading, next])).toEqual([false, true]);
  });

  it('a connection without a request costs nobody a place for a second, and then goes first', () => {
    const connections = new Connections(8);
    const all = Array.from({ length: 8 }, (_, n) => kept(connections, String(n)));
    const silent = socket();
    connections.accept(silent, { tls: false });
    ask(connections, all[0] as FakeSocket).end();
    expect(alive([...all, silent])).toEqual(Array(9).fill(true));
    vi.advanceTimersByTime(1_001);
    ask(connections, all[0] as FakeSocket).end();
    expect(alive([...all, silent])).toEqual([...Array(8).fill(true), false]);
  });

  it.each([
    [8, 64],
    [400, 100],
  ])('of %i, more than %i silent connections push each other out, and no authenticated one', (max, newcomers) => {
    const connections = new Connections(max);
    const all = Array.from({ length: max }, (_, n) => kept(connections, String(n)));
    const silent = Array.from({ length: 2 * newcomers }, () => socket());
    for (const each of silent) connections.accept(each, { tls: false });
    expect(alive(all)).toEqual(Array(max).fill(true));
    expect(alive(silent)).toEqual([...Array(newcomers).fill(false), ...Array(newcomers).fill(true)]);
  });

  it('a lowered limit counts at once', () => {
    const connections = new Connections(3);
    const all = [kept(connections), kept(connections), kept(connections)];
    connections.limit(1);
    expect(alive(all)).toEqual([false, false, true]);
  });
});

describe('a workload', () => {
  it('that has its share loses its own longest idle connection', () => {
    const connections = new Connections(16);
    const other = kept(connections, 'b');
    const own = Array.from({ length: 5 }, () => kept(connections, 'a'));
    expect(alive([other, ...own])).toEqual([true, false, true, true, true, true]);
  });

  it('may have more while all of them wait for a response', () => {
    const connections = new Connections(16);
    const waiting = Array.from({ length: 6 }, () => {
      const made = socket();
      connections.accept(made, { tls: false });
      const { connection, end } = ask(connections, made);
      expect(connections.authenticated(connection, 'a')).toBe(true);
      return { made, end };
    });
    for (const { end } of waiting) end();
    const own = waiting.map(({ made }) => made);
    expect(alive(own)).toEqual(Array(6).fill(true));
    kept(connections, 'a');
    expect(alive(own)).toEqual([false, false, false, true, true, true]);
  });

  it('over its share makes room for others, though it asks again and again and reads nothing', () => {
    const connections = new Connections(8);
    const other = socket();
    connections.accept(other, { tls: false });
    connections.authenticated(ask(connections, other).connection, 'b');
    const own = Array.from({ length: 9 }, () => {
      vi.advanceTimersByTime(1);
      const made = socket();
      connections.accept(made, { tls: false });
      connections.authenticated(ask(connections, made).connection, 'a');
      made.writableLength = 1;
      return made;
    });
    expect(alive([other, ...own])).toEqual([true, false, false, ...Array(7).fill(true)]);
    const next = socket();
    connections.accept(next, { tls: false });
    expect(connections.authenticated(ask(connections, next).connection, 'c')).toBe(true);
    expect(alive([other, own[2] as FakeSocket, next])).toEqual([true, false, true]);
  });

  it('that reads nothing for five seconds has stalled, though it asks again', () => {
    const connections = new Connections(1);
    const stalled = kept(connections, 'a');
    stalled.writableLength = 1;
    for (let i = 0; i < 3; i++) {
      ask(connections, stalled);
      vi.advanceTimersByTime(2_000);
    }
    const next = kept(connections, 'b');
    expect(alive([stalled, next])).toEqual([false, true]);
  });

  it('gives a place back when a connection turns to another token', () => {
    const connections = new Connections(4);
    const [one] = [kept(connections, 'a')];
    connections.authenticated(ask(connections, one as FakeSocket).connection, 'b');
    const two = kept(connections, 'a');
    expect(alive([one as FakeSocket, two])).toEqual([true, true]);
  });
});

describe('a TLS connection', () => {
  const address = { remoteAddress: '127.0.0.1', remotePort: 5, localAddress: '127.0.0.1', localPort: 6 };

  it('is one connection, before its handshake is over and after', () => {
    const connections = new Connections(1);
    const raw = Object.assign(socket(), address);
    const secure = Object.assign(socket(), address);
    connections.accept(raw, { tls: true });
    connections.secured(secure);
    expect(ask(connections, raw).connection).toBeUndefined();
    const { connection, end } = ask(connections, secure);
    connections.authenticated(connection, 'a');
    end();
    kept(connections, 'b');
    expect(secure.destroyed).toBe(true);
  });

  it('is not taken in by its TLS socket alone', () => {
    const secure = Object.assign(socket(), address);
    new Connections(1).secured(secure);
    expect(secure.destroyed).toBe(true);
  });
});

it('when the listener drains, a connection ends with its last response, and a silent one after its time', () => {
  const connections = new Connections(4);
  const [idle, busy, silent] = [kept(connections), kept(connections), socket()];
  connections.accept(silent, { tls: false });
  const { end } = ask(connections, busy as FakeSocket);
  connections.drain(100);
  expect(alive([idle, busy, silent] as FakeSocket[])).toEqual([false, true, true]);
  end();
  expect(alive([busy as FakeSocket])).toEqual([false]);
  vi.advanceTimersByTime(100);
  expect(silent.destroyed).toBe(true);
});

it('whatever comes and goes, authenticated connections keep the limit, and none is evicted by its own request', () => {
  const step = fc.record({
    connection: fc.nat(29),
    does: fc.constantFrom('ask', 'answer', 'end', 'wait'),
    owner: fc.constantFrom('a', 'b', 'c', undefined),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 80 }), (max, steps) => {
      const connections = new Connections(max);
      const all = new Map<number, { made: FakeSocket; owner?: string | undefined; ends: (() => void)[] }>();
      const open = () => [...all.values()].filter(({ made }) => !made.destroyed);
      for (const { connection: n, does, owner } of steps) {
        let each = all.get(n);
        if (each === undefined || each.made.destroyed) {
          each = { made: socket(), ends: [] };
          all.set(n, each);
          connections.accept(each.made, { tls: false });
        }
        if (does === 'wait') vi.advanceTimersByTime(500);
        if (does === 'end') each.made.destroy();
        if (does === 'answer') each.ends.shift()?.();
        if (does === 'ask' && !each.made.destroyed) {
          const { connection, end } = ask(connections, each.made);
          each.ends.push(end);
          if (owner !== undefined) expect(connections.authenticated(connection, owner)).toBe(true);
          expect(each.made.destroyed).toBe(false);
          if (owner !== undefined) each.owner = owner;
        }
        expect(open().filter(o => o.owner !== undefined).length).toBeLessThanOrEqual(max);
      }
    }),
  );
});

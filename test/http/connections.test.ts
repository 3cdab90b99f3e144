import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createConnections } from '../../src/http/connections.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** As much of a socket as is looked at. */
function socket() {
  const made = Object.assign(new EventEmitter(), {
    destroyed: false,
    destroy() {
      if (made.destroyed) return;
      made.destroyed = true;
      made.emit('close');
    },
  });
  return made as unknown as Socket & { destroyed: boolean };
}

describe('connections', () => {
  it('gives an extra one two seconds to hear that there are too many', () => {
    vi.useFakeTimers();
    const connections = createConnections(1);
    const [first, extra] = [socket(), socket()];
    connections.add(first);
    connections.add(extra);
    expect([connections.use(first), connections.use(extra)]).toEqual([true, false]);
    vi.advanceTimersByTime(1_999);
    expect(extra.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect([first.destroyed, extra.destroyed]).toEqual([false, true]);
    expect(connections.count).toBe(1);
  });

  it('makes room for a newcomer by ending strangers’ connections, the longest there first, where they are owed nothing', () => {
    const connections = createConnections(3, true);
    const [asked, owed, claimed, next, later] = [socket(), socket(), socket(), socket(), socket()];
    for (const each of [asked, owed, claimed]) {
      connections.add(each);
      connections.use(each);
    }
    Object.assign(owed, { _httpMessage: {} });
    connections.claim(claimed, 'a');
    connections.add(next);
    expect([asked, owed, claimed].map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    expect(connections.use(next)).toBe(true);
    connections.claim(next, 'b');
    // Nobody is left who could make room.
    connections.add(later);
    expect(connections.use(later)).toBe(false);
    claimed.destroy();
    const last = socket();
    connections.add(last);
    expect(connections.use(last)).toBe(true);
  });

  it('takes a connection that has been silent for a second for a stranger’s, and no younger one', () => {
    vi.useFakeTimers();
    const connections = createConnections(1, true);
    const [silent, early, late] = [socket(), socket(), socket()];
    connections.add(silent);
    connections.add(early);
    expect([silent.destroyed, connections.use(early)]).toEqual([false, false]);
    vi.advanceTimersByTime(1_001);
    connections.add(late);
    expect([silent.destroyed, connections.use(late)]).toEqual([true, true]);
  });

  it('makes room for as many as a lowered limit asks for', () => {
    const connections = createConnections(3, true);
    const sockets = [socket(), socket(), socket()];
    for (const each of sockets) {
      connections.add(each);
      connections.use(each);
    }
    connections.limit(1);
    const newcomer = socket();
    connections.add(newcomer);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
    expect(connections.use(newcomer)).toBe(true);
  });

  it('ends nobody’s connection for another where none is ever claimed', () => {
    const connections = createConnections(1);
    const [first, second] = [socket(), socket()];
    connections.add(first);
    connections.use(first);
    connections.add(second);
    expect([first.destroyed, connections.use(second)]).toEqual([false, false]);
  });

  it('gives a place back when a connection turns to another token, and when it ends', () => {
    const connections = createConnections(4);
    const [one, two] = [socket(), socket()];
    connections.add(one);
    connections.add(two);
    expect(connections.claim(one, 'a')).toBe(true);
    expect(connections.claim(one, 'a')).toBe(true);
    expect(connections.claim(two, 'a')).toBe(false);
    expect(connections.claim(one, 'b')).toBe(true);
    expect(connections.claim(two, 'a')).toBe(true);
    expect(connections.claim(one, 'a')).toBe(false);
    two.destroy();
    expect(connections.claim(one, 'a')).toBe(true);
  });

  it('ends the unused ones alone, or all', () => {
    const connections = createConnections(4);
    const [used, unused] = [socket(), socket()];
    connections.add(used);
    connections.add(unused);
    connections.use(used);
    connections.destroyUnused();
    expect([used.destroyed, unused.destroyed]).toEqual([false, true]);
    connections.destroyAll();
    expect(connections.count).toBe(0);
  });

  it('never lets one token hold more than a quarter, whatever comes and goes', () => {
    const step = fc.record({ connection: fc.nat(19), token: fc.constantFrom('a', 'b', 'c'), ends: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 20 }), fc.array(step, { maxLength: 60 }), (max, steps) => {
        const connections = createConnections(max);
        const sockets = new Map<number, Socket>();
        const held = new Map<number, string>();
        for (const { connection, token, ends } of steps) {
          const known = sockets.get(connection);
          if (ends) {
            known?.destroy();
            sockets.delete(connection);
            held.delete(connection);
            continue;
          }
          const asking = known ?? socket();
          if (known === undefined) connections.add(asking);
          sockets.set(connection, asking);
          if (connections.claim(asking, token)) held.set(connection, token);
          const count = [...held.values()].filter(of => of === token).length;
          expect(count).toBeLessThanOrEqual(Math.max(1, Math.floor(max / 4)));
        }
      }),
    );
  });
});

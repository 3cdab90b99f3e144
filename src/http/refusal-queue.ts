/**
 * Whose turn it is to be refused. One thread answers everybody, and strangers ask as fast as they are answered: if each
 * of them got his answer at once, a workload would stand in line behind all of them.
 *
 * So a refusal goes out when nobody else has anything to be done: one in each turn of the event loop, a few in each
 * millisecond. Whoever is let in waits for one refusal at most, not for as many as there are strangers, and strangers take
 * part of a core, not all of it. Nobody is locked out and nobody waits long: the more wait, the more are answered in a
 * millisecond, and a stranger who asks alone is answered within that very turn.
 *
 * There is one line for the whole process, as there is one thread, whichever listener they come to.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A line of refusals. */
export interface Turns {
  /** Runs `answer` in its turn; never before this call has returned. */
  take(outgoing: ServerResponse, answer: () => void): void;
  /** How many wait. */
  readonly waiting: number;
}

/** Refusals in a millisecond: with what comes before and after each of them, less than half of a core. */
const PER_MS = 4;
/** Where more wait, as many go out in a millisecond that nobody waits for more than about this long; ms. */
const PATIENCE_MS = 250;
/** Refusals of one connection that may wait: a client that pipelines more than that is cut off behind them. */
const PIPELINED = 8;

const REFUSALS = Symbol('refusals');
/** How many of its refusals wait; Infinity once it is cut off. */
type CountedSocket = Socket & { [REFUSALS]?: number };

/** Of responses whose refusal waits: neither sent yet nor forgotten. */
const waiting = new WeakSet<ServerResponse>();

export const isWaiting = (outgoing: ServerResponse): boolean => waiting.has(outgoing);

/** Whether the connection has sent so much behind its refusals that it ends with them: what it sends now isn't looked at. */
export const isCutOff = (incoming: IncomingMessage): boolean =>
  (incoming.socket as CountedSocket)[REFUSALS] === Infinity;

/** The event loop, as far as a line needs it. */
export interface Loop {
  /** Monotonic, ms. */
  now(): number;
  /** Calls back once everybody else has had a turn. */
  soon(callback: () => void): void;
  /** Calls back in the next millisecond. */
  later(callback: () => void): void;
}

const LOOP: Loop = {
  now: () => performance.now(),
  soon: setImmediate,
  later: callback => setTimeout(callback, 1),
};

export function createTurns(loop: Loop = LOOP): Turns {
  let line: { outgoing: ServerResponse; answer: () => void }[] = [];
  let next = 0;
  /** The millisecond that is being spent. */
  let since = Number.NEGATIVE_INFINITY;
  let left = 0;

  const refill = () => {
    since = loop.now();
    left = Math.max(PER_MS, Math.ceil((line.length - next) / PATIENCE_MS));
  };

  const plan = () => {
    if (loop.now() - since >= 1) refill();
    if (left > 0) loop.soon(step);
    else loop.later(another);
  };

  const another = () => {
    refill();
    step();
  };

  const step = () => {
    const { outgoing, answer } = line[next++] as (typeof line)[number];
    left--;
    waiting.delete(outgoing);
    const socket = outgoing.req.socket as CountedSocket;
    socket[REFUSALS] = (socket[REFUSALS] ?? 1) - 1;
    try {
      answer();
    } finally {
      // Whatever became of this one: those behind it wait for nobody else.
      goOn();
    }
  };

  const goOn = () => {
    if (next < line.length) {
      // What has gone out isn't held on to, though the line may never be empty.
      if (next >= 1_024) {
        line = line.slice(next);
        next = 0;
      }
      plan();
    } else {
      line = [];
      next = 0;
    }
  };

  return {
    take(outgoing, answer) {
      const socket = outgoing.req.socket as CountedSocket;
      const behind = (socket[REFUSALS] ?? 0) + 1;
      if (behind >= PIPELINED) outgoing.shouldKeepAlive = false;
      socket[REFUSALS] = behind >= PIPELINED ? Infinity : behind;
      waiting.add(outgoing);
      if (line.push({ outgoing, answer }) === 1) plan();
    },
    get waiting() {
      return line.length - next;
    },
  };
}

/** The process's. */
export const turns: Turns = createTurns();

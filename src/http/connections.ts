/**
 * How many connections there are, and whose.
 *
 * Beyond the limit a connection still gets an answer (503, then close), which node's own `maxConnections` doesn't give: it
 * resets. Those extra ones are bounded too, and short-lived. One workload holds at most a quarter, so that it can't take
 * them all; nor can strangers, whose connections make room.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { answerDue } from './answer-due.ts';

/** How long an extra connection may take to send the request that it is refused with; ms. */
const EXTRA_PATIENCE = 2_000;

/** How long a connection may keep its place without a request where somebody else wants it; ms. */
const SILENT_MS = 1_000;

const HOLDER = Symbol('holder');
type HeldSocket = Socket & { [HOLDER]?: Holder };

/** One connection's record. */
interface Holder {
  extra: boolean;
  /** Whether a request has come over it yet. */
  used: boolean;
  /** Id of the workload that it is booked on. */
  workload: string | undefined;
  /** Monotonic time, ms. */
  readonly since: number;
}

export interface Connections {
  /** Bounds the connections that are still in their TLS handshake, together with all others. */
  handshake(socket: Socket): void;
  /** Takes a new connection in. It is destroyed at once when even the extra places are taken. */
  add(socket: Socket): void;
  /** Notes a request. @returns whether its connection is within the limit; if not, answer 503 and close */
  use(socket: Socket): boolean;
  /**
   * Books the connection on a workload.
   *
   * @param workload its id
   * @returns false when that workload has its quarter already
   */
  claim(socket: Socket, workload: string): boolean;
  /** A new limit counts for connections from now on. */
  limit(max: number): void;
  readonly count: number;
  /** Ends connections over which nothing has come: node counts them as busy. */
  destroyUnused(): void;
  /** Ends every connection now. */
  destroyAll(): void;
}

/**
 * @param max connections that are served; at least as many as the largest quarter times four
 * @param displacing whether a full house makes room by ending connections that have asked and are claimed for nobody, or
 *   haven't asked for a second, so that strangers who keep theirs open don't keep workloads out
 */
export function createConnections(max: number, displacing = false): Connections {
  const sockets = new Set<Socket>();
  /** Connections that have asked, and for nobody: they make room, the longest there first. */
  const strangers = new Set<Socket>();
  const perWorkload = new Map<string, number>();
  let served = 0;

  const release = (workload: string | undefined) => {
    if (workload === undefined) return;
    const left = (perWorkload.get(workload) ?? 1) - 1;
    if (left > 0) perWorkload.set(workload, left);
    else perWorkload.delete(workload);
  };

  let raw = 0;

  /** Ends a connection whose place somebody else can have. @returns whether there was one */
  const displace = (): boolean => {
    for (const socket of strangers) if (answerDue(socket) === undefined && giveAway(socket)) return true;
    const silentSince = performance.now() - SILENT_MS;
    for (const socket of displacing ? sockets : []) {
      const { used, since } = (socket as HeldSocket)[HOLDER] as Holder;
      if (!used && since < silentSince && giveAway(socket)) return true;
    }
    return false;
  };

  const giveAway = (socket: Socket): boolean => {
    const holder = (socket as HeldSocket)[HOLDER];
    if (holder === undefined || holder.extra) return false;
    holder.extra = true;
    served--;
    socket.destroy();
    return true;
  };

  return {
    handshake(socket) {
      if (raw >= max + extraPlaces(max) && !displace()) {
        socket.destroy();
        return;
      }
      raw++;
      socket.once('close', () => raw--);
    },
    add(socket) {
      while (served >= max && displace());
      const extra = served >= max;
      if (extra && sockets.size - served >= extraPlaces(max)) {
        socket.destroy();
        return;
      }
      const holder: Holder = { extra, used: false, workload: undefined, since: performance.now() };
      (socket as HeldSocket)[HOLDER] = holder;
      sockets.add(socket);
      if (!extra) served++;
      const patience = extra ? setTimeout(() => socket.destroy(), EXTRA_PATIENCE).unref() : undefined;
      socket.once('close', () => {
        clearTimeout(patience);
        sockets.delete(socket);
        strangers.delete(socket);
        if (!holder.extra) served--;
        release(holder.workload);
      });
    },
    use(socket) {
      const holder = (socket as HeldSocket)[HOLDER];
      if (holder === undefined) return true;
      holder.used = true;
      if (displacing && holder.workload === undefined) strangers.add(socket);
      return !holder.extra;
    },
    claim(socket, workload) {
      const holder = (socket as HeldSocket)[HOLDER];
      // A socket that nobody took in is already gone.
      if (holder === undefined || holder.workload === workload) return true;
      const held = perWorkload.get(workload) ?? 0;
      if (held >= Math.max(1, Math.floor(max / 4))) return false;
      release(holder.workload);
      strangers.delete(socket);
      holder.workload = workload;
      perWorkload.set(workload, held + 1);
      return true;
    },
    limit(next) {
      max = next;
    },
    get count() {
      return sockets.size;
    },
    destroyUnused() {
      for (const socket of sockets) if ((socket as HeldSocket)[HOLDER]?.used === false) socket.destroy();
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function extraPlaces(max: number): number {
  return Math.max(16, Math.floor(max / 4));
}

/**
 * One connection, as the rule about connections sees it.
 *
 * @module
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A response of which nothing was read for this long makes no progress; ms. */
const STALLED_MS = 5_000;

export interface Connection {
  /** TLS's own once the handshake is over. */
  socket: Socket;
  /** Who has authenticated over it: a workload's id. */
  owner: string | undefined;
  /** Monotonic ms: its last request, or its beginning. */
  since: number;
  /** Monotonic ms: when it last began to wait for a response, or a response to it was over. Further requests don't count. */
  progressAt: number;
  asked: boolean;
  /** Requests whose responses are not with the operating system yet. */
  owed: number;
  /** Those of them whose responses are not written yet. */
  waiting: number;
  /** Nothing that it sends from now on is looked at. */
  cutOff: boolean;
  /** The response to its latest request, until it is over. */
  latest: ServerResponse | undefined;
  /** Called whenever a response is over. */
  onAnswered: (() => void) | undefined;
}

export function createConnection(socket: Socket): Connection {
  return {
    socket,
    owner: undefined,
    since: performance.now(),
    progressAt: performance.now(),
    asked: false,
    owed: 0,
    waiting: 0,
    cutOff: false,
    latest: undefined,
    onAnswered: undefined,
  };
}

export function isStalled({ owed, progressAt }: Connection): boolean {
  return owed > 0 && performance.now() - progressAt > STALLED_MS;
}

/** Tells which connection a socket is of. */
export function peerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/**
 * Which connections stay open: the same rule on every listener, plain and TLS.
 *
 * At capacity the connection that was idle longest is evicted, unauthenticated ones first. Only an authenticated
 * connection with a response on its way is not idle. All others are idle since their last request: handshakes, silent
 * sockets, slow headers, kept-alive connections, clients that don't read or wait for a backend.
 *
 * A connection without a request has a second, and a place on top of the capacity: 64 of them, or a quarter where that is
 * more. A new client is therefore authenticated before anything is evicted for it.
 *
 * @module
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Connection, createConnection, isStalled, peerOf } from './connection.ts';

/** How long a connection may take to its first request before it counts like any other; ms. */
const FIRST_REQUEST_MS = 1_000;

/** Connections without a request that may be open on top of the capacity, at least. */
const NEWCOMERS = 64;

export class Connections {
  #max: number;
  #draining = false;
  readonly #bySocket = new Map<Socket, Connection>();
  /** By addresses and ports: node doesn't say which socket a TLS socket was made of. */
  readonly #handshakes = new Map<string, Connection>();
  /** Each set in the order of its connections' last requests. */
  readonly #unauthenticated = new Set<Connection>();
  readonly #byOwner = new Map<string, Set<Connection>>();
  readonly #onClose: (this: ServerResponse) => void;

  /** @param max connections that are served at once */
  constructor(max: number) {
    this.#max = max;
    const answered = (outgoing: ServerResponse) => this.#answered(outgoing);
    this.#onClose = function () {
      answered(this);
    };
  }

  /** Takes in a socket that was just accepted. */
  accept(socket: Socket, options: { tls: boolean }): void {
    const connection = createConnection(socket);
    const peer = options.tls ? peerOf(socket) : undefined;
    this.#bySocket.set(socket, connection);
    this.#unauthenticated.add(connection);
    if (peer !== undefined) this.#handshakes.set(peer, connection);
    socket.once('close', () => {
      if (peer !== undefined && this.#handshakes.get(peer) === connection) this.#handshakes.delete(peer);
      this.#forget(connection);
    });
    this.#shrinkTo(this.#max + this.#newcomers);
  }

  /** Takes the TLS socket for the one whose handshake is over. */
  secured(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = this.#handshakes.get(peer);
    if (connection === undefined || !this.#bySocket.delete(connection.socket)) {
      socket.destroy();
      return;
    }
    this.#handshakes.delete(peer);
    connection.socket = socket;
    this.#bySocket.set(socket, connection);
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** Notes a request. @returns undefined where the connection was evicted or cut off: nobody waits for a response */
  begin(socket: Socket, outgoing: ServerResponse): Connection | undefined {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.cutOff) return undefined;
    connection.asked = true;
    connection.since = performance.now();
    if (connection.owed++ === 0) connection.progressAt = connection.since;
    connection.latest = outgoing;
    const group = this.#groupOf(connection);
    group.delete(connection);
    group.add(connection);
    outgoing.on('close', this.#onClose);
    return connection;
  }

  /**
   * Notes who asks. A workload that has its share of the connections, a quarter, loses its own longest idle one.
   *
   * @returns false when every connection belongs to somebody and has a response on its way
   */
  authenticated(connection: Connection, owner: string): boolean {
    if (connection.owner === owner || !this.#bySocket.has(connection.socket)) return true;
    this.#leaveGroup(connection);
    connection.owner = owner;
    const group = this.#groupOf(connection);
    group.add(connection);
    for (const other of group) {
      if (group.size <= this.#share) break;
      if (other.owed === 0 || isStalled(other)) this.#evict(other);
    }
    this.#shrinkTo(this.#max, connection);
    if (this.#authenticatedCount <= this.#max) return true;
    this.#leaveGroup(connection);
    connection.owner = undefined;
    this.#unauthenticated.add(connection);
    return false;
  }

  /** A new limit takes effect at once. */
  limit(max: number): void {
    this.#max = max;
    this.#shrinkTo(this.#max);
  }

  /** From now on a connection ends with its last response. One that has asked nothing yet has `firstRequestMs` to do so. */
  drain(firstRequestMs: number): void {
    this.#draining = true;
    const endIdle = (asked: boolean) => {
      for (const connection of this.#bySocket.values()) {
        if (connection.owed === 0 && connection.asked === asked) connection.socket.destroy();
      }
    };
    endIdle(true);
    setTimeout(endIdle, firstRequestMs, false).unref();
  }

  destroyAll(): void {
    for (const { socket } of this.#bySocket.values()) socket.destroy();
  }

  get #share(): number {
    return Math.max(1, Math.floor(this.#max / 4));
  }

  get #newcomers(): number {
    return Math.max(NEWCOMERS, this.#share);
  }

  get #authenticatedCount(): number {
    return this.#bySocket.size - this.#unauthenticated.size;
  }

  #answered(outgoing: ServerResponse): void {
    const connection = this.#bySocket.get(outgoing.req.socket);
    if (connection === undefined) return;
    connection.owed--;
    connection.progressAt = performance.now();
    if (connection.latest === outgoing) connection.latest = undefined;
    connection.onAnswered?.();
    this.#shrinkTo(this.#max);
    if (this.#draining && connection.owed === 0) connection.socket.destroySoon();
  }

  /** Evicts until this many are left, or nothing more may go. @param kept stays in any case */
  #shrinkTo(count: number, kept?: Connection): void {
    while (this.#bySocket.size > count) {
      const victim = this.#unauthenticatedVictim() ?? this.#authenticatedVictim(kept);
      if (victim === undefined) return;
      this.#evict(victim);
    }
  }

  /** Too many that haven't asked yet go like the others. */
  #unauthenticatedVictim(): Connection | undefined {
    const many = this.#unauthenticated.size > this.#newcomers;
    const since = performance.now() - FIRST_REQUEST_MS;
    for (const connection of this.#unauthenticated) {
      if (many || connection.asked || connection.since < since) return connection;
    }
    return undefined;
  }

  /** A workload over its share makes room before any other does, whatever its connections are doing. */
  #authenticatedVictim(kept: Connection | undefined): Connection | undefined {
    if (this.#authenticatedCount <= this.#max) return undefined;
    const groups = [...this.#byOwner.values()];
    const over = groups.filter(({ size }) => size > this.#share);
    let longest: Connection | undefined;
    for (const group of over.length > 0 ? over : groups) {
      for (const connection of group) {
        if (longest !== undefined && connection.since >= longest.since) break;
        const writing = connection.owed > 0 && connection.socket.writableLength > 0;
        const mayGo = over.length > 0 || !writing || isStalled(connection);
        if (connection !== kept && mayGo) longest = connection;
      }
    }
    return longest;
  }

  #evict(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    if (this.#bySocket.delete(connection.socket)) this.#leaveGroup(connection);
  }

  #groupOf({ owner }: Connection): Set<Connection> {
    if (owner === undefined) return this.#unauthenticated;
    const group = this.#byOwner.get(owner) ?? new Set();
    this.#byOwner.set(owner, group);
    return group;
  }

  #leaveGroup(connection: Connection): void {
    const group = this.#groupOf(connection);
    group.delete(connection);
    if (connection.owner !== undefined && group.size === 0) this.#byOwner.delete(connection.owner);
  }
}

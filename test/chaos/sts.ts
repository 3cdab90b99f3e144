/**
 * An STS that does what a test tells it, for each wallet. It remembers which key it gave to whom.
 *
 * It checks no signature: it plays the part of a service that fails, and the emulator plays the one that works.
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { elementsOf, type Issued, xmlOf } from './sts-xml.ts';

/** One exchange that a mood answers. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** New credentials for the wallet that asks; registered as its own. */
  issue(change?: Partial<Issued>): Issued;
  /** The text of an answer with these credentials. */
  xml(issued: Issued): string;
}

export type Mood = (asked: Asked) => void;

export interface ChaosSts {
  readonly url: string;
  /** Requests so far. */
  readonly calls: number;
  /** Whether this wallet has been asked for. */
  hasAsked(wallet: string): boolean;
  /** How long new credentials live; seconds. */
  lifetime: number;
  /** What it answers to this wallet, or to all that have no mood of their own. Undefined: credentials. */
  setMood(mood: Mood | undefined, wallet?: string): void;
  /** By access key id. */
  readonly issued: ReadonlyMap<string, Issued>;
  close(): Promise<void>;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** @param now wall time in ms */
export async function startChaosSts(now: () => number): Promise<ChaosSts> {
  const issued = new Map<string, Issued>();
  const moods = new Map<string, Mood>();
  const wallets = new Set<string>();
  let general: Mood | undefined;
  const server = createServer((request, response) => {
    let body = '';
    sts.calls++;
    response.setHeader('date', new Date(now()).toUTCString());
    request.setEncoding('utf8').on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      const asked = elementsOf(body);
      const issue = (change: Partial<Issued> = {}) => {
        const key = `ASIA${Array.from({ length: 16 }, () => ALPHABET[randomInt(32)]).join('')}`;
        const expiration = now() + sts.lifetime * 1_000;
        const made = { accessKeyId: key, secretAccessKey: `secret-of-${key}`, expiration, ...asked, ...change };
        issued.set(made.accessKeyId, made);
        return made;
      };
      wallets.add(asked.wallet);
      const mood = moods.get(asked.wallet) ?? general ?? ordinary;
      mood({ request, response, socket: request.socket, issue, xml: xmlOf });
    });
    request.on('error', () => undefined);
  });
  const sts = {
    url: '',
    calls: 0,
    hasAsked: (wallet: string) => wallets.has(wallet),
    lifetime: 3_600,
    issued,
    setMood(mood: Mood | undefined, wallet?: string) {
      if (wallet === undefined) general = mood;
      else if (mood === undefined) moods.delete(wallet);
      else moods.set(wallet, mood);
    },
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', 4_096, resolve));
  sts.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return sts;
}

const ordinary: Mood = ({ response, issue, xml }) =>
  void response.setHeader('content-type', 'text/xml').end(xml(issue()));

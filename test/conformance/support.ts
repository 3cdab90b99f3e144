/**
 * The endpoint behind a listener, for the tests of its contract.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import { createEndpoint } from '../../src/http/endpoint/index.ts';
import type { ListenerOptions } from '../../src/http/listener.ts';
import { functionHandler } from '../../src/http/node-adapter.ts';
import { reloadableTokens } from '../auth/support.ts';
import { setUp } from '../credentials/support.ts';
import { authenticatorOf, keptLog, RELATIVE_ID, tokenOf } from '../http/support/sample.ts';
import { ask, listening, type Reply, replies } from '../http/support/wire.ts';

export const TOKEN = tokenOf('contract');
export const PATH = '/v1/credentials';
export const HOUR = 3_600_000;
export const MINUTE = 60_000;

/** The endpoint for one workload, with STS in the test's hands. */
export async function endpoint(more: Partial<ListenerOptions> = {}) {
  const floor = setUp();
  const { clock, vending, metrics, w } = floor;
  const { log, lines } = keptLog();
  const tokens = reloadableTokens('token', [{ value: TOKEN, workload: w }], clock);
  const from = (address: string | undefined) => address === '127.0.0.1';
  const ids = reloadableTokens('relative', [{ value: RELATIVE_ID, workload: w, from }], clock);
  const handler = functionHandler(
    createEndpoint({
      authenticator: authenticatorOf(tokens),
      relative: (id, address) => ids.find(id, address),
      vending,
      clock,
      log,
      metrics,
    }),
  );
  const wire = await listening(handler, log, more);
  const get = (fields = '', path = PATH, token = TOKEN) =>
    ask(wire.port, `GET ${path} HTTP/1.1\nAuthorization: ${token}${fields === '' ? '' : `\n${fields}`}`);
  return { ...floor, ...wire, tokens, lines, get };
}

/** Lets what is ready to happen happen, sockets included, while the test's clock stands still. */
export const settled = () => new Promise<void>(resolve => setTimeout(resolve, 20));

export function expectRefusal(reply: Reply, status: number, code: string): void {
  expect({ status: reply.status, code: reply.json()['code'] }).toEqual({ status, code });
}

/** One request on a connection that stays open. */
export async function onOne(socket: Socket, bytes: string): Promise<Reply> {
  const data = new Promise<string>(resolve => socket.once('data', chunk => resolve(chunk.toString('latin1'))));
  socket.write(bytes);
  const [reply] = replies(await data);
  if (reply === undefined) throw new Error('no answer');
  return reply;
}

/**
 * What lies between the listener and the Hono apps: the bindings that an app finds in `c.env`, and two ways to call it.
 *
 * {@link direct} is for the endpoint, {@link viaNodeServer} for everything else. Measured at 16 connections against a
 * hand-written `node:http` handler with the same guards: @hono/node-server reaches 0.65 of its throughput when the app
 * returns a `Response`, 0.69 when it writes to node's response itself, and the direct way 0.98. Routing is Hono's in all
 * of them; what the direct way saves is the `Request` and the `Response` that nobody looks at.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';
import { BadRequest } from '../lib/errors.ts';
import { isWaiting, turns } from './refusal-queue.ts';
import type { Answer } from './response.ts';

/** `c.env` of every app. All of it is absent where an app is called without a listener (`app.request()` in a test). */
export interface Bindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
  /** The raw path that was judged, byte for byte. */
  readonly path?: string;
  /** The one `Authorization` value; undefined without one. */
  readonly authorization?: string | undefined;
  /** The socket's own address. */
  readonly remoteAddress?: string | undefined;
  /** Books the connection on a workload's id; false when that workload has its quarter of all connections. */
  readonly claim?: (workload: string) => boolean;
}

/** A Hono environment with these bindings. */
export interface AppEnv {
  Bindings: Bindings;
}

/** The part of a Hono app that is called here. */
export interface App {
  fetch(request: Request, env: Bindings): Response | Promise<Response>;
}

/** A request that passed the guards, on its way into an app. Never rejects. */
export type Handler = (env: Required<Bindings>) => void | Promise<void>;

/** Passed as `getPath` to Hono, so that routes match the raw path: nothing decoded, no dot segment resolved. */
export function rawPath(request: Request, options?: { env?: Bindings }): string {
  return options?.env?.path ?? new URL(request.url).pathname;
}

/** What an app returns that has written to node's response itself; nobody looks at it but {@link viaNodeServer}. */
const SENT = {} as Response;

/** Writes an answer to node's response: a refusal in its turn, anything else at once. */
export function writeAnswer(outgoing: ServerResponse, answer: Answer): void {
  if (answer.status >= 400 && answer.status < 500) writeInTurn(outgoing, answer);
  else write(outgoing, answer);
}

/** Writes an answer when nobody waits for a better one. */
export function writeInTurn(outgoing: ServerResponse, answer: Answer): void {
  if (!isAnswered(outgoing)) turns.take(outgoing, () => write(outgoing, answer));
}

function write(outgoing: ServerResponse, { status, headers, body, encoding }: Answer): void {
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, headers as string[]);
  const { socket } = outgoing;
  // Behind an answer of the same connection that isn't out yet.
  if (socket === null) {
    outgoing.end(body, encoding);
    return;
  }
  // `end(body)` hands the socket two pieces, of which the second is empty, and two cost a fifteenth of the throughput more
  // than one. Corked, or `write` would cork it itself until the next tick.
  socket.cork();
  outgoing.write(body, encoding);
  socket.uncork();
  outgoing.end();
}

/** Whether there is an answer, though it may still wait for its turn. */
function isAnswered(outgoing: ServerResponse): boolean {
  return outgoing.headersSent || isWaiting(outgoing);
}

/** How a handler answers: at once on node's response behind a listener, as a `Response` without one. */
export function send(c: Context<AppEnv>, answer: Answer): Response {
  const outgoing = c.env?.outgoing;
  if (outgoing === undefined) {
    const headers: [string, string][] = [];
    for (let i = 0; i + 1 < answer.headers.length; i += 2) {
      headers.push([answer.headers[i] as string, answer.headers[i + 1] as string]);
    }
    return new Response(answer.body, { status: answer.status, headers });
  }
  writeAnswer(outgoing, answer);
  return SENT;
}

/**
 * Calls an app that answers by {@link send} alone and reads nothing but its bindings.
 *
 * @param failed says what goes out when the app throws, or ends without an answer
 */
export function direct(app: App, failed: (error: unknown) => Answer): Handler {
  const failure = (outgoing: ServerResponse, error: unknown) => writeAnswer(outgoing, failed(error));
  const done = (outgoing: ServerResponse) => {
    if (!isAnswered(outgoing)) failure(outgoing, new Error('a route ended without an answer'));
  };
  return (env): void | Promise<void> => {
    const { outgoing } = env;
    try {
      // Hono itself reads `method` here, and `url` only through `getPath`.
      const answered = app.fetch(env.incoming as unknown as Request, env);
      if (answered instanceof Promise) {
        return answered.then(
          () => done(outgoing),
          error => failure(outgoing, error),
        );
      }
      return done(outgoing);
    } catch (error) {
      return failure(outgoing, error);
    }
  };
}

/**
 * Calls an app with web-standard `Request` and `Response` by way of @hono/node-server, which is loaded by the first
 * request: it costs a start tens of milliseconds, since node has its `Request` and `Response` ready only when asked.
 *
 * @param failed says what goes out when the app throws
 */
export function viaNodeServer(app: App, failed: (error: unknown) => Answer): Handler {
  let handler: Promise<Handler> | undefined;
  return async env => {
    handler ??= overNodeServer(app, failed);
    return (await handler)(env);
  };
}

async function overNodeServer(app: App, failed: (error: unknown) => Answer): Promise<Handler> {
  const [{ getRequestListener, RequestError }, { RESPONSE_ALREADY_SENT }] = await Promise.all([
    import('@hono/node-server'),
    import('@hono/node-server/utils/response'),
  ]);
  const envs = new WeakMap<IncomingMessage, Required<Bindings>>();
  const listener = getRequestListener(
    async (request, { incoming }) => {
      const response = await app.fetch(request, envs.get(incoming as IncomingMessage) ?? {});
      return response === SENT ? RESPONSE_ALREADY_SENT : response;
    },
    {
      // A library must leave its host's global Request and Response alone.
      overrideGlobalObjects: false,
      errorHandler: error => {
        const reason = error instanceof RequestError ? new BadRequest('the request target is no path') : error;
        const { status, headers, body } = failed(reason);
        const pairs = headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? '']] : []));
        return new Response(body, { status, headers: pairs as [string, string][] });
      },
    },
  );
  return env => {
    const { incoming, outgoing } = env;
    envs.set(incoming, env);
    // The guard has judged it; the adapter would only build a URL of it, and throws on `::1`.
    incoming.headers.host = 'localhost';
    return listener(incoming, outgoing);
  };
}

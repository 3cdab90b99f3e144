/**
 * Two ways to serve a listener's requests: by a function that returns a response, and by a Hono app.
 *
 * The endpoint is a function, since a `Request` and a `Response` that nobody looks at cost it a third of its throughput.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Hono } from 'hono';
import { BadRequest, NotFound } from '../lib/errors.ts';
import { refusalQueue } from './refusal-queue.ts';
import type { Handler, HttpRequest } from './request-handler.ts';
import { type ErrorSerializer, type HttpResponse, webResponse, writeResponse } from './response.ts';

/** `c.env` of a Hono app behind a listener. */
export interface AppEnv {
  Bindings: Pick<HttpRequest, 'authenticated'>;
}

/** Passed as `getPath` to Hono, which would decode `%73` before it looks for a route. */
export const rawPath = ({ url }: Request): string => new URL(url).pathname;

/** @param respond never throws, and its promise never rejects */
export function functionHandler(respond: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>): Handler {
  return request => {
    const response = respond(request);
    return response instanceof Promise
      ? response.then(settled => send(request.outgoing, settled))
      : send(request.outgoing, response);
  };
}

function send(outgoing: ServerResponse, response: HttpResponse): void | Promise<void> {
  if (!isRefusal(response)) return writeResponse(outgoing, response);
  return refusalQueue.turn().then(() => writeResponse(outgoing, response));
}

/**
 * Serves an app by way of @hono/node-server, which the first request loads: it costs a start tens of milliseconds.
 */
export function honoHandler(app: Pick<Hono<AppEnv>, 'fetch'>, serializeError: ErrorSerializer): Handler {
  let listener: Promise<(request: HttpRequest) => Promise<void>> | undefined;
  return async request => {
    listener ??= nodeServerListener(app, serializeError);
    return (await listener)(request);
  };
}

async function nodeServerListener(app: Pick<Hono<AppEnv>, 'fetch'>, serializeError: ErrorSerializer) {
  const { getRequestListener, RequestError } = await import('@hono/node-server');
  const requests = new WeakMap<IncomingMessage, HttpRequest>();
  const listener = getRequestListener(
    async (request, { incoming }) => {
      const validated = requests.get(incoming as IncomingMessage) as HttpRequest;
      const isCanonical = rawPath(request) === validated.path;
      const response = isCanonical
        ? await app.fetch(request, { authenticated: owner => validated.authenticated(owner) })
        : webResponse(serializeError(new NotFound('nothing is served at this path'), []));
      if (isRefusal(response)) await refusalQueue.turn();
      return response;
    },
    {
      // A library must leave its host's global Request and Response alone.
      overrideGlobalObjects: false,
      errorHandler: error =>
        webResponse(
          serializeError(error instanceof RequestError ? new BadRequest('the request target is no path') : error, []),
        ),
    },
  );
  return (request: HttpRequest): Promise<void> => {
    requests.set(request.incoming, request);
    // The Host is validated. @hono/node-server would only build a URL of it, and throws on `::1`.
    request.incoming.headers.host = 'localhost';
    return listener(request.incoming, request.outgoing);
  };
}

/** A 5xx too: an unauthenticated client gets one as fast as it asks while an issuer or a backend is down. */
function isRefusal({ status }: { readonly status: number }): boolean {
  return status >= 400;
}

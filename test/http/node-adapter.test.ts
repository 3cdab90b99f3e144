import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { endpointPolicy } from '../../src/http/endpoint/policy.ts';
import { type AppEnv, functionHandler, honoHandler, rawPath } from '../../src/http/node-adapter.ts';
import type { Handler, HttpRequest } from '../../src/http/request-handler.ts';
import { type HttpResponse, httpResponse, serializeError, webResponse } from '../../src/http/response.ts';
import { NotFound } from '../../src/lib/errors.ts';
import { keptLog } from './support/sample.ts';
import { ask, exchange, listening } from './support/wire.ts';

const policy = { ...endpointPolicy({ listen: [], extraHosts: [] }), methods: ['GET', 'POST'], maxBody: 100 };

/** As they were before anything here ran. */
const GLOBALS = { Request: globalThis.Request, Response: globalThis.Response };

const text = (body: string) => webResponse(httpResponse(200, 'text/plain', body));

function app(): Hono<AppEnv> {
  const made = new Hono<AppEnv>({ getPath: rawPath });
  made.get('/plain', c => c.json({ query: c.req.query('q') ?? null }));
  made.get('/sent', () => text('sent'));
  made.get('/umlaut', () => text('grün ✓'));
  made.post('/post', c => text(c.req.header('Authorization') ?? '-'));
  made.get('/throws', () => {
    throw new Error('canary');
  });
  made.get('/rejects', () => Promise.reject(new Error('canary')));
  made.notFound(() => webResponse(serializeError(new NotFound('nothing here'), ['GET'])));
  made.onError(error => webResponse(serializeError(error, ['GET'])));
  return made;
}

/** A function that serves the same. */
function respond({ path, authorization }: HttpRequest): HttpResponse {
  if (path === '/sent') return httpResponse(200, 'text/plain', 'sent');
  if (path === '/umlaut') return httpResponse(200, 'text/plain', 'grün ✓');
  if (path === '/post') return httpResponse(200, 'text/plain', authorization ?? '-');
  const error = path === '/throws' || path === '/rejects' ? new Error('canary') : new NotFound('nothing here');
  return serializeError(error, ['GET']);
}

async function via(handler: Handler) {
  const { log } = keptLog();
  return listening(handler, log, { policy });
}
const hono = () => honoHandler(app(), serializeError);

describe('what stands behind a listener', () => {
  it.each([
    ['a function', () => functionHandler(respond)],
    ['by way of @hono/node-server', hono],
  ])('%s: answers, matches raw paths, and turns what it throws into our form', async (_, handler) => {
    const { port } = await via(handler());
    const get = (path: string) => ask(port, `GET ${path} HTTP/1.1`);
    expect((await get('/sent')).body).toBe('sent');
    expect(Buffer.from((await get('/umlaut')).body, 'latin1').toString('utf8')).toBe('grün ✓');
    expect((await get('/sent?x')).status).toBe(200);
    for (const path of ['/x/../sent', '/%73ent', '//sent', '/sent/', '/x%2f..%2fsent', '/./sent']) {
      expect((await get(path)).status, path).toBe(404);
    }
    for (const path of ['/throws', '/rejects']) {
      const reply = await get(path);
      expect(reply.status).toBe(500);
      expect(reply.headers['content-type']).toBe('application/json');
      expect(reply.body).not.toContain('canary');
    }
    expect((await exchange(port, 'GET /sent HTTP/1.1\r\nHost: ::1\r\nConnection: close\r\n\r\n'))[0]?.status).toBe(200);
  });

  it.each([
    ['a chunk that is none', 'POST /post HTTP/1.1\r\nHost: ::1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n', 400],
    ['a body that never ends', 'POST /post HTTP/1.1\r\nHost: ::1\r\nContent-Length: 10\r\n\r\nabc', 408],
  ])('answers %s, alone and behind a good request, where bodies are taken', async (_, broken, status) => {
    const { log } = keptLog();
    const limits = { headersMs: 60, requestMs: 120, checkEveryMs: 20 };
    const { port } = await listening(hono(), log, { policy, limits });
    expect((await exchange(port, broken)).map(reply => reply.status)).toEqual([status]);
    const good = 'GET /sent HTTP/1.1\r\nHost: ::1\r\n\r\n';
    expect((await exchange(port, good + broken)).map(reply => reply.status)).toEqual([200, status]);
  });

  it('lets an app return what its context makes, and refuses a path that a URL can’t have', async () => {
    const { port } = await via(hono());
    const reply = await ask(port, 'GET /plain?q=1 HTTP/1.1');
    expect(reply.json()).toEqual({ query: '1' });
    const odd = await ask(port, 'GET /a\\b HTTP/1.1');
    expect(odd.status).toBe(400);
    expect(odd.json()['code']).toBe('BadRequest');
  });

  it('throws a body away that is within the limit, and goes on with the connection', async () => {
    const { port } = await via(hono());
    const post = (fields: string, body: string, auth: string) =>
      `POST /post HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${auth}\r\n${fields}\r\n\r\n${body}`;
    const chunked = post('Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n', 'one');
    const sized = post('Content-Length: 5', 'hello', 'two');
    const none = post('Connection: close', '', 'three');
    const answers = await exchange(port, chunked + sized + none);
    expect(answers.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  });

  it.each([
    ['by its length', 'Content-Length: 101', ''],
    ['as it comes', 'Transfer-Encoding: chunked', `${(101).toString(16)}\r\n${'x'.repeat(101)}\r\n0\r\n\r\n`],
  ])('refuses a body over the limit, %s', async (_, field, body) => {
    const { port } = await via(hono());
    const answers = await exchange(port, `POST /post HTTP/1.1\r\nHost: localhost\r\n${field}\r\n\r\n${body}`);
    expect(answers.map(({ status }) => status)).toEqual([413]);
  });

  it('leaves the host’s global Request and Response alone', async () => {
    const { port } = await via(hono());
    expect((await ask(port, 'GET /sent HTTP/1.1')).status).toBe(200);
    expect(globalThis.Request).toBe(GLOBALS.Request);
    expect(globalThis.Response).toBe(GLOBALS.Response);
  });
});

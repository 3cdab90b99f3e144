import { describe, expect, it } from 'vitest';
import { brokerPolicy, serializeBrokerError } from '../../../src/http/broker/index.ts';
import { honoHandler } from '../../../src/http/node-adapter.ts';
import { silent } from '../../auth/support.ts';
import { ask, listening } from '../support/wire.ts';
import { AWS, BEARER, broker, JWT } from './support.ts';

const listen = [{ host: '127.0.0.1', port: 0 }];

async function wire(extraHosts: readonly string[] = ['creds.internal']) {
  const handler = honoHandler(broker().app, serializeBrokerError);
  return listening(handler, silent, {
    name: 'broker',
    policy: brokerPolicy({ listen, extraHosts }, 'https://oidc.example.com/team'),
    serializeError: serializeBrokerError,
  });
}

const bearer = `Authorization: Bearer ${BEARER}`;

describe('the broker behind its listener', () => {
  it('takes a POST without a body, with {} and with anything up to 64 KiB, none of which is read', async () => {
    const { port } = await wire();
    for (const body of ['', '{}', '{"role":"admin","wallet":"0x0"}', 'x'.repeat(65_536)]) {
      const reply = await ask(port, `POST ${JWT} HTTP/1.1\n${bearer}\nContent-Length: ${body.length}`, body);
      expect(reply.status).toBe(200);
      expect(reply.json()['jwt']).toBe('the.jwt.itself');
    }
  });

  it('refuses a body over the limit: 413 bad_request', async () => {
    const { port } = await wire();
    const reply = await ask(port, `POST ${JWT} HTTP/1.1\n${bearer}\nContent-Length: 65537`, 'x'.repeat(65_537));
    expect(reply.status).toBe(413);
    expect(reply.json()).toMatchObject({ error: 'bad_request' });
  });

  it.each(['127.0.0.1', 'localhost:8091', 'oidc.example.com', 'OIDC.example.com:443', 'creds.internal', '[::1]:8091'])(
    'answers to Host: %s',
    async host => {
      const { port } = await wire();
      expect((await ask(port, `GET /healthz HTTP/1.1\nHost: ${host}`)).status).toBe(200);
    },
  );

  it.each(['evil.example', 'oidc.example.com.evil.example', 'internal', '10.0.0.1'])(
    'refuses Host: %s with 403 forbidden and the fix',
    async host => {
      const { port } = await wire();
      const reply = await ask(port, `POST ${AWS} HTTP/1.1\nHost: ${host}\n${bearer}`);
      expect(reply.status).toBe(403);
      expect(reply.json()).toMatchObject({
        error: 'forbidden',
        message: expect.stringContaining('broker.extra_hosts'),
      });
    },
  );

  it('takes what a TLS proxy forwards', async () => {
    const { port } = await wire();
    const forwarded = 'X-Forwarded-For: 10.0.0.9\nForwarded: for=10.0.0.9\nVia: 1.1 proxy';
    expect((await ask(port, `POST ${JWT} HTTP/1.1\n${bearer}\n${forwarded}`)).status).toBe(200);
  });

  it.each(['DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE'])('%s is 405 method_not_allowed with Allow', async method => {
    const { port } = await wire();
    const reply = await ask(port, `${method} ${JWT} HTTP/1.1`);
    expect(reply.status).toBe(405);
    expect(reply.headers['allow']).toBe('GET, POST');
    if (method !== 'HEAD') expect(reply.json()).toMatchObject({ error: 'method_not_allowed' });
  });

  it.each([
    ['two bearers', `POST ${JWT} HTTP/1.1\n${bearer}\n${bearer}`],
    ['a target that is no path', `POST http://127.0.0.1${JWT} HTTP/1.1\n${bearer}`],
    ['another expectation', `POST ${JWT} HTTP/1.1\n${bearer}\nExpect: 200-ok`],
  ])('%s: 400 bad_request', async (_, head) => {
    const { port } = await wire();
    const reply = await ask(port, head);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: 'bad_request' });
  });

  it('a header that is too large and what is no HTTP are in the same form', async () => {
    const { port } = await wire();
    const large = await ask(port, `POST ${JWT} HTTP/1.1\nX: ${'y'.repeat(20_000)}`);
    expect([large.status, large.json()['error']]).toEqual([431, 'bad_request']);
    const broken = await ask(port, 'nonsense');
    expect([broken.status, broken.json()['error']]).toEqual([400, 'bad_request']);
  });

  it.each([`/v1/%6dint-oidc-jwt`, '/v1/./mint-oidc-jwt', '//v1/mint-oidc-jwt', '/v1/mint-oidc-jwt%2f'])(
    'matches the path byte for byte: %s is 404',
    async path => {
      const { port } = await wire();
      expect((await ask(port, `POST ${path} HTTP/1.1\n${bearer}`)).status).toBe(404);
    },
  );
});

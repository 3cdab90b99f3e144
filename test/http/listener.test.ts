import { describe, expect, it } from 'vitest';
import { sampleApp, tokenOf } from './support/sample.ts';
import { ask, listening } from './support/wire.ts';

describe('listener', () => {
  it('answers credentials over a bare socket', async () => {
    const { app, log } = sampleApp();
    const { port } = await listening(app, log);
    const reply = await ask(port, `GET /v1/credentials HTTP/1.1\nAuthorization: ${tokenOf('alpha')}`);
    expect(reply.status).toBe(200);
    expect(reply.json()['AccessKeyId']).toBe('ASIAALPHA');
  });
});

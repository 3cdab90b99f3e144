import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { Random } from '../chaos/budget.ts';
import { askFor, nothingSeen } from '../chaos/load.ts';
import { world } from '../chaos/world.ts';
import { fuzz, garbled } from './fuzz.ts';

/** A quarter of the second after which SDKs give up, on a machine that has other things to do. */
const SLOW_MS = 250;

/** Cases of one seed: most wait for the end of a request that never comes. */
const AT_ONCE = 16;

const TOKEN = 'Authorization: Bearer no-token-of-anybody-0123456789abcdef';

const REQUESTS = [
  `GET /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n${TOKEN}\r\nAccept: */*\r\n\r\n`,
  `GET /v1/credentials/w0?a=b HTTP/1.1\r\nHost: [::1]:9110\r\n${TOKEN}\r\n\r\n`,
  'GET /v2/credentials/0123456789abcdef0123456789abcdef HTTP/1.1\r\nHost: 169.254.170.2\r\n\r\n',
  `POST /v1/mint-oidc-jwt HTTP/1.1\r\nHost: 127.0.0.1\r\n${TOKEN}\r\nContent-Length: 2\r\n\r\n{}`,
  `POST /v1/mint-aws-creds HTTP/1.1\r\nHost: 127.0.0.1\r\n${TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  `GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\n${TOKEN}\r\nConnection: keep-alive\r\n\r\n`,
  'GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTpi\r\nOrigin: http://a.example\r\n\r\n',
];
/** What anybody may read at the broker and at the admin listener. */
const PUBLIC = /healthz|readyz|\.well-known/i;

/** Sends the bytes in up to three parts. @returns what came back until the end, or until nothing comes for a while */
function exchange(port: number, bytes: Buffer, chance: Random): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    let timer = setTimeout(end, 300);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      clearTimeout(timer);
      timer = setTimeout(end, 10);
    });
    socket.on('error', end).on('close', end);
    const cuts = [chance.below(bytes.length + 1), chance.below(bytes.length + 1)].sort((a, b) => a - b);
    const [first, second] = cuts as [number, number];
    for (const part of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)])
      if (part.length > 0) socket.write(part);
    if (chance.below(3) === 0) socket.end();
  });
}

test('no bytes at any listener end the process, hold it up, or are answered with 200', async () => {
  const at = await world(1);
  const broker = `broker: { listen: "127.0.0.1:${at.port + 1}" }`;
  at.write('walletcreds.yaml', at.yaml({ more: [broker] }));
  const serving = await at.serve();
  const seen = nothingSeen();
  const isSlow = () => (seen.cachedMs.at(-1) ?? 0) > SLOW_MS;
  expect(await askFor(at, 'w0', seen)).toBe(200);
  await fuzz('http', async chance => {
    const all = Array.from({ length: AT_ONCE }, () => {
      const text = garbled(chance.pick(REQUESTS), chance);
      return {
        text,
        bytes: Buffer.from(text, chance.below(2) === 0 ? 'latin1' : 'utf8'),
        port: at.port + chance.below(3),
      };
    });
    const round = () =>
      Promise.all([askFor(at, 'w0', seen), ...all.map(({ port, bytes }) => exchange(port, bytes, chance))]);
    const [status, ...answers] = await round();
    expect([serving.child.exitCode, status]).toEqual([null, 200]);
    for (const [n, { text }] of all.entries()) {
      const statuses = [...(answers[n] ?? '').matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, code]) => Number(code));
      expect([text, statuses.filter(code => code === 500)]).toEqual([text, []]);
      const good = statuses.filter(code => code < 400 && code !== 100);
      if (!PUBLIC.test(text)) expect([text, good]).toEqual([text, []]);
    }
    // One slow answer may be the machine's: the same bytes twice again tell.
    for (let tries = 0; isSlow(); tries++) {
      expect(tries, `answers from memory take over ${SLOW_MS} ms`).toBeLessThan(2);
      await round();
    }
  });
  expect(seen.faults).toEqual([]);
  expect(serving.text()).not.toMatch(/uncaught|unhandled/i);
});

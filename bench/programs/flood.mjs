/**
 * Unauthenticated clients: a number of requests without a token or with a wrong one, over keep-alive connections with one
 * request under way on each. Every answer must be a 401.
 *
 * @module
 */
import { connect } from 'node:net';

process.on('message', async message => {
  try {
    process.send(await flood(message));
  } catch (error) {
    process.send({ error: error.message });
  }
});

async function flood({ port, connections, requests }) {
  const from = performance.now();
  let next = 0;
  let refused = 0;
  const lane = () =>
    new Promise((resolve, reject) => {
      let text = '';
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const ask = () => {
        if (next >= requests) {
          socket.destroy();
          resolve();
          return;
        }
        const n = next++;
        const token = n % 2 === 0 ? '' : `Authorization: ${String(n).padStart(64, 'f')}\r\n`;
        socket.write(`GET /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${token}\r\n`);
      };
      socket.setEncoding('latin1').on('data', part => {
        text += part;
        const header = text.indexOf('\r\n\r\n');
        if (header < 0 || text.length < header + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])) return;
        if (text.startsWith('HTTP/1.1 401')) refused++;
        text = '';
        ask();
      });
      socket.on('connect', ask).on('error', reject);
      socket.on('close', () => reject(new Error('the server closed a connection')));
    });
  await Promise.all(Array.from({ length: connections }, lane));
  return { refused, ms: performance.now() - from };
}

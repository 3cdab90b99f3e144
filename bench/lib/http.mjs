/**
 * Single requests, for what isn't a matter of load.
 *
 * @module
 */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

/** A connection each, so that nothing is left open between measurements. */
export const oneShot = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });

/** @returns {Promise<{ status: number, headers: object, rawHeaders: string[], body: string }>} */
export function ask(port, { path = '/v1/credentials', method = 'GET', headers = {}, body, agent = oneShot } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers, agent }, response => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', part => {
          text += part;
        })
        .on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: text,
          }),
        )
        .on('error', reject);
    });
    asked.on('error', reject).end(body);
  });
}

/**
 * Asks until the answer is a 200, again after a 503. While the port is closed no more is done than to look at it: requests
 * that can't be sent would take a part of what a start needs, on machines of two cores.
 *
 * @param {number} limitMs
 */
export async function untilOk(port, options, limitMs = 60_000) {
  const until = performance.now() + limitMs;
  for (;;) {
    const answer = await ask(port, options).catch(error => ({ status: 0, body: error.message }));
    if (answer.status === 200) return answer;
    do {
      if (performance.now() > until) throw new Error(`no 200 within ${limitMs} ms: ${answer.status} ${answer.body}`);
      await new Promise(resolve => setTimeout(resolve, 2));
    } while (answer.status === 0 && !(await isOpen(port)));
  }
}

function isOpen(port) {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    const done = open => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

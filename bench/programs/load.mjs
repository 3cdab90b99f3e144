/**
 * The load: a number of keep-alive connections, each with one request under way at a time. They are bare sockets, so that the
 * client costs a fraction of the server. Every answer must be a 200, and of the first one's length unless they may vary.
 *
 * @module
 */
import { connect } from 'node:net';
import { Histogram } from '../lib/histogram.mjs';

process.on('message', async ({ requests, ...message }) => {
  try {
    process.send(await load({ ...message, requests: requests.map(text => Buffer.from(text)) }));
  } catch (error) {
    process.send({ error: error.message });
  }
});

function load({ port, connections, warmMs, ms, requests, varying = false }) {
  return new Promise((resolve, reject) => {
    const histogram = new Histogram();
    const sockets = [];
    let from = Number.POSITIVE_INFINITY;
    let until = Number.POSITIVE_INFINITY;
    let next = 0;
    let failed = 0;
    let sample = '';
    const usage = process.cpuUsage();

    const end = () => {
      for (const socket of sockets) socket.destroy();
      const { user, system } = process.cpuUsage(usage);
      const seconds = (performance.now() - from) / 1000;
      const quantiles = Object.fromEntries([0.5, 0.9, 0.99, 0.999].map(q => [`p${q * 100}`, histogram.quantile(q)]));
      resolve({
        requests: histogram.count,
        perSecond: histogram.count / seconds,
        ...quantiles,
        max: histogram.max,
        failed,
        clientBusy: (user + system) / 1e6 / (seconds + warmMs / 1000),
        sample,
      });
    };

    const open = () => {
      let length = 0;
      let got = 0;
      let sentAt = 0;
      const ask = () => {
        sentAt = performance.now();
        socket.write(requests[next++ % requests.length]);
      };
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(32 * 1024),
          callback(bytes, buffer) {
            if (got === 0) {
              if (length === 0 || varying || buffer[9] !== 0x32) length = lengthOf(buffer.latin1Slice(0, bytes));
              if (buffer[9] !== 0x32) {
                failed++;
                sample = buffer.latin1Slice(0, bytes);
              }
            }
            got += bytes;
            if (got < length) return;
            got = 0;
            const now = performance.now();
            if (now >= until) {
              until = Number.POSITIVE_INFINITY;
              end();
              return;
            }
            if (now >= from) histogram.record(Math.round((now - sentAt) * 1000));
            ask();
          },
        },
      });
      sockets.push(socket);
      socket.on('error', reject).on('connect', ask);
    };

    for (let i = 0; i < connections; i++) open();
    setTimeout(() => {
      from = performance.now();
      until = from + ms;
    }, warmMs);
  });
}

/** Header and body together, from an answer whose header came whole. */
function lengthOf(text) {
  const header = text.indexOf('\r\n\r\n');
  return header + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
}

/**
 * The two baselines: servers that answer the same bytes as the endpoint over the same `node:http`.
 *
 * `bare` looks at nothing. `guarded` does by hand what the endpoint does for a cached answer, and nothing else: the guards
 * of `src/http/validate-request.ts`, one HMAC, one look-up, one comparison in constant time.
 *
 * @module
 */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const SETTINGS = {
  maxHeaderSize: 16 * 1024,
  keepAliveTimeout: 300_000,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: false,
  noDelay: true,
};

process.on('message', message => {
  const { kind, tokens, headers, body } = message;
  const answer = kind === 'bare' ? bare(headers, body) : guarded(tokens, headers, body);
  const server = createServer(SETTINGS, answer);
  server.maxHeadersCount = 0;
  server.timeout = 0;
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
});

function bare(headers, body) {
  return (_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  };
}

const HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]', '::1', '169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']);
const FORWARDED = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip']);
/** Not Sec-Fetch-Mode, which node's own `fetch` sends. */
const BROWSER = new Set(['origin', 'referer', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user']);

function isForwarded(field) {
  const name = field.includes('_') ? field.replaceAll('_', '-') : field;
  if (FORWARDED.has(name) || name.startsWith('x-original-')) return true;
  return name.startsWith('x-forwarded') && field !== 'x-forwarded-proto';
}

function guarded(tokens, headers, body) {
  const key = createSecretKey(randomBytes(32));
  const macOf = value => createHmac('sha256', key).update(value).digest();
  const known = new Map(tokens.map(token => [macOf(token).toString('latin1'), { mac: macOf(token), headers, body }]));
  const nothing = { mac: randomBytes(32) };
  const refuse = (response, status) => {
    response.writeHead(status);
    response.end();
  };
  return (request, response) => {
    const raw = request.rawHeaders;
    let host;
    let authorization;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i].toLowerCase();
      if (name === 'host') {
        if (host !== undefined) return refuse(response, 400);
        host = raw[i + 1];
      } else if (name === 'authorization') {
        if (authorization !== undefined) return refuse(response, 400);
        authorization = raw[i + 1];
      } else if (BROWSER.has(name) || isForwarded(name)) return refuse(response, 403);
      else if (name === 'transfer-encoding') return refuse(response, 413);
      else if (name === 'content-length' && raw[i + 1] !== '0') return refuse(response, 413);
      else if (name === 'expect' && raw[i + 1].toLowerCase() !== '100-continue') return refuse(response, 400);
    }
    if (host === undefined) return refuse(response, 400);
    if (!HOSTS.has(host.replace(/:\d{1,5}$/, ''))) return refuse(response, 403);
    if (request.method !== 'GET') return refuse(response, 405);
    if (!request.url.startsWith('/')) return refuse(response, 400);
    const query = request.url.search(/[?#]/);
    const path = query < 0 ? request.url : request.url.slice(0, query);
    if (path !== '/v1/credentials') return refuse(response, 404);
    const shown = authorization ?? '';
    const mac = macOf(/^bearer /i.test(shown) ? shown.slice(7) : shown);
    const entry = known.get(mac.toString('latin1')) ?? nothing;
    if (!timingSafeEqual(mac, entry.mac) || entry === nothing) return refuse(response, 401);
    response.writeHead(200, entry.headers);
    response.end(entry.body);
  };
}

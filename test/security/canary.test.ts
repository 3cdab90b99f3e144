import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { json, sign } from '../auth/support.ts';
import { BEARER, CONFIGURED, call, type Reply, start, WALLET, world } from '../server/support.ts';
import { runCommand } from '../support/serve-process.ts';

/** Every secret that is made here holds this word, so one search finds any of them. */
const CANARY = 'CANARY';
const secret = (name: string) => `${CANARY}-${name}-0a1b2c3d4e5f60718293a4b5c6d7e8f9`;

/** What node's parser is given as it is; the answer, once the peer has closed. */
function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

it('no secret is in any log line, error, metric, row or report, whatever fails', { timeout: 60_000 }, async () => {
  const at = await world();
  const token = secret('token');
  const bearer = secret('bearer');
  const session = secret('session');
  const adminToken = secret('admin');
  const relativeId = secret('relative');
  at.write('tokens/scraper-a', token);
  at.write('tokens/scraper-a.id', relativeId);
  at.write('tokens/admin', adminToken);
  at.write('bearers/scraper-a', bearer);
  at.write('bearers/issuer', secret('issuer-bearer'));
  at.sessions.set(session, { wallet: WALLET });

  let log = '';
  const write = (line: string) => {
    log += line;
  };
  const logging = { logLevel: 'debug', logTo: { write } } as const;
  const callers = {
    jwt: [
      {
        issuer: at.callers.server.url,
        audience: 'broker',
        listeners: ['broker'],
        wallet_claim: 'wallet',
        any_wallet: true,
        jwks: { bearer_file: 'bearers/issuer' },
      },
    ],
    session_backend: { url: at.backend.url, listeners: ['broker'], any_wallet: true },
  };
  const brokerConfig = at.broker({ callers });
  const sidecarConfig = at.sidecar({
    workloads: {
      'scraper-a': {
        wallet: CONFIGURED,
        token_file: join(at.folder, 'tokens/scraper-a'),
        relative_uri: { id_file: join(at.folder, 'tokens/scraper-a.id'), from: ['127.0.0.0/8'] },
      },
    },
  });
  const broker = await start(at, brokerConfig, logging);
  const sidecar = await start(at, sidecarConfig, logging);
  await sidecar.ready({ signal: AbortSignal.timeout(10_000) });

  // Everything that is legitimately handed out is a secret from then on.
  const secrets = new Set([CANARY]);
  const answers: string[] = [];
  const handedOut = ({ status, body }: Reply): void => {
    expect(status).toBe(200);
    for (const name of ['SecretAccessKey', 'Token', 'secret_access_key', 'session_token', 'jwt']) {
      if (typeof body[name] === 'string') for (const part of String(body[name]).split('.')) secrets.add(part);
    }
  };
  const refused = async (reply: Promise<Reply>): Promise<void> => {
    const { status, text, headers } = await reply;
    expect(status).toBeGreaterThanOrEqual(400);
    answers.push(text, JSON.stringify([...headers]));
  };
  const keyFile = join(at.folder, 'keys', readdirSync(join(at.folder, 'keys'))[0] ?? '');
  const key = readFileSync(keyFile, 'utf8');
  const pem = String(JSON.parse(key).private_key_pem).split('\n');
  for (const line of pem.slice(1, -2)) secrets.add(line);

  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: at.callers.server.url, sub: 'u', iat: now, exp: now + 600, aud: 'broker', wallet: WALLET };
  const jwt = await sign(at.callers.key, claims);
  const badJwt = await sign(at.callers.key, { ...claims, aud: 'another', note: secret('claim') });
  const badWallet = await sign(at.callers.key, { ...claims, wallet: secret('wallet') });
  for (const each of [jwt, badJwt, badWallet]) for (const part of each.split('.').slice(1)) secrets.add(part);

  const credentials = `${sidecar.endpoint.url}/v1/credentials`;
  const relative = `${sidecar.endpoint.url}/v2/credentials/`;
  const get = (url: string, authorization?: string) =>
    call(url, { method: 'GET', headers: authorization === undefined ? {} : { authorization } });
  const aws = `${at.issuer}/v1/mint-aws-creds`;
  const oidc = `${at.issuer}/v1/mint-oidc-jwt`;

  // What goes well.
  handedOut(await get(credentials, token));
  handedOut(await get(relative + relativeId));
  for (const token of [session, bearer, jwt])
    for (const url of [aws, oidc]) handedOut(await call(url, { bearer: token }));
  const metrics = await get(`${sidecar.admin.url}/metrics`, adminToken);
  expect(metrics.status).toBe(200);

  // Who is asking.
  for (const shown of [secret('unknown'), `Bearer ${bearer}`, `Basic ${token}`, badJwt])
    await refused(get(credentials, shown));
  await refused(get(`${credentials}/${secret('named')}`, token));
  await refused(get(relative + secret('id')));
  await refused(get(relative + relativeId, secret('unknown')));
  for (const url of [aws, oidc]) {
    for (const shown of [secret('unknown'), token, badJwt, badWallet, `${jwt}x`])
      await refused(call(url, { bearer: shown }));
    await refused(call(url, { headers: { authorization: secret('schemeless') } }));
    await refused(call(url + secret('path'), { bearer }));
  }
  await refused(get(`${sidecar.admin.url}/metrics`, secret('unknown')));
  await refused(get(`${sidecar.admin.url}/${secret('path')}`, adminToken));

  // What node's own parser refuses, with the secret in the very bytes.
  for (const url of [sidecar.endpoint.url, at.issuer, sidecar.admin.url]) {
    const authorization = `Authorization: ${token}\r\n`;
    answers.push(await raw(url, `GET /v1/credentials HTTP/1.1\r\n${authorization}Host: a\rb\r\n\r\n`));
    answers.push(await raw(url, `GET / HTTP/1.1\r\n${authorization}Host: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`));
    answers.push(await raw(url, `GET http://${token}/ HTTP/1.1\r\nHost: ${token}\r\nConnection: close\r\n\r\n`));
    answers.push(await raw(url, `${token} / HTTP/1.1\r\n\r\n`));
  }

  // Backends that echo what they were shown.
  at.backend.handler = (incoming, outgoing) =>
    json(outgoing, 401, { message: `no: ${incoming.headers.authorization}` });
  await refused(call(aws, { bearer: secret('echoed') }));
  at.backend.handler = (incoming, outgoing) => json(outgoing, 500, { message: incoming.headers.authorization });
  await refused(call(aws, { bearer: session }));
  at.backend.handler = (incoming, outgoing) => json(outgoing, 200, { wallet: incoming.headers.authorization });
  await refused(call(aws, { bearer: session }));
  at.backend.handler = (_, outgoing) => outgoing.writeHead(302, { location: `/${secret('location')}` }).end();
  await refused(call(aws, { bearer: session }));
  at.callers.server.handler = (incoming, outgoing) => void outgoing.end(`<p>${incoming.headers.authorization}</p>`);
  await refused(call(aws, { bearer: await sign({ ...at.callers.key, kid: 'another' }, claims) }));

  // STS that echoes the token.
  const { jwt: minted } = (await call(oidc, { bearer })).body;
  for (const part of String(minted).split('.')) secrets.add(part);
  at.sts.fail({ code: 'InvalidIdentityToken', message: `The token ${minted} is not good`, status: 400 });
  await refused(call(aws, { bearer }));

  // An audit log that can't be written.
  const lock = new Database(join(at.folder, 'broker/audit.sqlite'));
  lock.exec('PRAGMA busy_timeout = 5000');
  lock.exec('BEGIN EXCLUSIVE');
  await refused(call(oidc, { bearer }));
  await refused(call(oidc, { bearer }));
  lock.exec('ROLLBACK');
  lock.close();
  await expect.poll(async () => (await call(oidc, { bearer })).status, { timeout: 15_000, interval: 250 }).toBe(200);

  // A key file that went bad, with the key in it.
  writeFileSync(join(at.folder, 'keys/zz.json'), key.slice(0, -40), { mode: 0o600 });
  writeFileSync(join(at.folder, 'keys/zy.json'), key.replace('-----BEGIN', '-----BEGUN'), { mode: 0o600 });
  await call(oidc, { bearer });
  await expect.poll(() => log).toContain('zz.json');
  const ready = await call(`${at.issuer}/readyz`, { method: 'GET', bearer: adminToken });
  answers.push(ready.text);

  // A sidecar whose broker refuses it, and a bearer file that is none.
  at.write('bearers/scraper-a', `${secret('two')}\n${secret('lines')}`);
  await sidecar
    .reload({ ...sidecarConfig, session_duration: '30m' })
    .catch((error: Error) => answers.push(error.message));
  await refused(get(credentials, token));
  at.write('bearers/scraper-a', secret('wrong'));
  await sidecar
    .reload({ ...sidecarConfig, session_duration: '45m' })
    .catch((error: Error) => answers.push(error.message));
  await refused(get(credentials, token));
  const page = await get(`${sidecar.admin.url}/`, adminToken);
  answers.push(page.text, (await get(`${sidecar.admin.url}/readyz`, adminToken)).text);
  answers.push((await get(`${sidecar.admin.url}/metrics`, adminToken)).text, metrics.text);

  await sidecar.close();
  await broker.close();

  // Reports.
  answers.push(JSON.stringify(process.report.getReport(new Error('a report of a failure'))));
  const configFile = at.write('broker.yaml', stringify(brokerConfig));
  for (const args of [['doctor'], ['audit', 'export'], ['keys', 'list'], ['serve']]) {
    const { stdout, stderr } = await runCommand([...args, '--config', configFile], at.folder);
    answers.push(stdout, stderr);
  }
  const auditLog = ['broker', 'sidecar'].map(name => {
    const database = new Database(join(at.folder, name, 'audit.sqlite'), { readonly: true });
    const rows = JSON.stringify(database.prepare('SELECT * FROM mint_log').all());
    database.close();
    return rows;
  });

  expect(log.split('\n').length).toBeGreaterThan(50);
  expect(auditLog[0]?.length).toBeGreaterThan(1_000);
  expect(secrets.size).toBeGreaterThan(20);
  for (const [place, text] of [
    ['log', log],
    ['answers', answers.join('\n')],
    ['audit log', auditLog.join('\n')],
  ] as const) {
    for (const each of secrets) {
      const found = each.length < 6 ? -1 : text.indexOf(each);
      expect(found === -1 ? '' : `${place}: …${text.slice(Math.max(0, found - 200), found + 100)}…`).toBe('');
    }
  }
  expect(BEARER).not.toContain(CANARY);
});

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, closeSync, constants, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { startServer } from '../auth/support.ts';
import { freePorts } from '../support/process.ts';
import { runCommand, startServe } from '../support/serve-process.ts';
import { ADMIN, CONFIGURED, call, SESSION, TAG, WALLET, type World, world } from './support.ts';

/** Nothing but what finds node: no HOME, no AWS_*. */
const EMPTY = { PATH: process.env['PATH'] ?? '' };
const AWS = '/v1/mint-aws-creds';
const JWT = '/v1/mint-oidc-jwt';

const kidOf = (body: Record<string, unknown>) => decodeProtectedHeader(String(body['jwt'])).kid;

async function kidsOf(issuer: string): Promise<string[]> {
  const { body } = await call(`${issuer}/.well-known/jwks.json`, { method: 'GET' });
  return (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
}

/** What stands between the broker and STS, and keeps every request as it came over the wire. */
async function recorder(
  at: World,
): Promise<{ url: string; seen: { headers: string[]; target: string; body: string }[] }> {
  const seen: { headers: string[]; target: string; body: string }[] = [];
  const server = http.createServer((incoming, outgoing) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', chunk => {
      body += chunk;
    });
    incoming.on('end', async () => {
      seen.push({ headers: incoming.rawHeaders, target: incoming.url ?? '', body });
      const { 'content-type': type = '' } = incoming.headers;
      const answer = await at.sts.app.request('http://sts/', {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** A named pipe: a process that opens it to read it is found out, and hangs. */
function trap(file: string): { touched(): boolean } {
  mkdirSync(join(file, '..'), { recursive: true });
  execFileSync('mkfifo', [file]);
  return {
    touched() {
      try {
        // Without a reader on the other side this fails with ENXIO.
        closeSync(openSync(file, constants.O_WRONLY | constants.O_NONBLOCK));
        return true;
      } catch {
        return false;
      }
    },
  };
}

describe('a broker process', () => {
  it('starts, is ready and mints with an empty environment, by unsigned requests, always afresh', async () => {
    const at = await world();
    const { url, seen } = await recorder(at);
    const config = at.write('broker.yaml', stringify(at.broker({ sts: { endpoint: url } })));
    const broker = await startServe(config, { env: EMPTY, cwd: at.folder });
    const ready = await call(`${at.issuer}/readyz`, { method: 'GET', bearer: ADMIN });
    expect([ready.status, ready.body['status']]).toEqual([200, 'ready']);
    const ids = [];
    for (let i = 0; i < 2; i++) {
      const { status, body } = await call(at.issuer + AWS, { bearer: SESSION });
      expect(status).toBe(200);
      ids.push(String(body['access_key_id']));
    }
    expect(new Set(ids).size).toBe(2);
    expect(seen).toHaveLength(2);
    for (const { headers, target, body } of seen) {
      const names = headers.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase());
      expect(names).not.toContain('authorization');
      expect(names.filter(name => name.startsWith('x-amz-') && name !== 'x-amz-user-agent')).toEqual([]);
      expect(target).toBe('/');
      expect(body).toContain('Action=AssumeRoleWithWebIdentity');
      expect(body).not.toContain('X-Amz-');
    }
    expect(ids.map(id => at.sts.sessions.get(id)?.principalTags)).toEqual([{ [TAG]: WALLET }, { [TAG]: WALLET }]);
    expect(await broker.stop()).toBe(0);
    const listed = await runCommand(
      ['audit', 'list', '--callers', '--via', 'mint-aws-creds', '--since', '7d', '--json', '--config', config],
      at.folder,
    );
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.stdout)).toHaveLength(1);
    expect(listed.stdout).toContain(WALLET);
    expect((await runCommand(['audit', 'verify', '--config', config], at.folder)).code).toBe(0);
  });

  it('consults no AWS credential provider, whatever the environment offers', async () => {
    const at = await world();
    const { url, seen } = await recorder(at);
    const home = join(at.folder, 'home');
    const traps = ['.aws/config', '.aws/credentials'].map(name => trap(join(home, name)));
    traps.push(trap(join(at.folder, 'poison/config')), trap(join(at.folder, 'poison/credentials')));
    traps.push(trap(join(at.folder, 'poison/token')));
    const metadata = await startServer();
    const config = at.write('broker.yaml', stringify(at.broker({ sts: { endpoint: url } })));
    const broker = await startServe(config, {
      cwd: at.folder,
      env: {
        ...EMPTY,
        HOME: home,
        AWS_CONFIG_FILE: join(at.folder, 'poison/config'),
        AWS_SHARED_CREDENTIALS_FILE: join(at.folder, 'poison/credentials'),
        AWS_PROFILE: 'poison',
        AWS_ACCESS_KEY_ID: 'AKIAPOISONPOISON0000',
        AWS_SECRET_ACCESS_KEY: 'poison',
        AWS_SESSION_TOKEN: 'poison',
        AWS_WEB_IDENTITY_TOKEN_FILE: join(at.folder, 'poison/token'),
        AWS_ROLE_ARN: 'arn:aws:iam::999999999999:role/poison',
        AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${metadata.url}/container`,
        AWS_ENDPOINT_URL: `${metadata.url}/endpoint`,
      },
    });
    const { status, body } = await call(at.issuer + AWS, { bearer: SESSION });
    expect([status, body['wallet']]).toEqual([200, WALLET]);
    expect(JSON.stringify(seen)).not.toMatch(/poison|AKIA/i);
    expect(metadata.seen).toEqual([]);
    expect(traps.map(each => each.touched())).toEqual([false, false, false, false, false]);
    expect(await broker.stop()).toBe(0);
  });

  it('gives a sidecar process its JWT, by which its workload gets credentials', async () => {
    const at = await world();
    const port = await freePorts(1);
    const brokerFile = at.write('broker.yaml', stringify(at.broker()));
    const sidecarFile = at.write(
      'sidecar.yaml',
      stringify(at.sidecar({ endpoint: { listen: [`127.0.0.1:${port}`] } })),
    );
    const broker = await startServe(brokerFile, { env: EMPTY, cwd: at.folder });
    const sidecar = await startServe(sidecarFile, { env: EMPTY, cwd: at.folder });
    await sidecar.says('credentials from STS');
    const token = readFileSync(join(at.folder, 'sidecar/tokens/scraper-a'), 'utf8');
    const reply = await call(`http://127.0.0.1:${port}/v1/credentials`, {
      method: 'GET',
      headers: { authorization: token },
    });
    expect(reply.status).toBe(200);
    expect(at.sts.sessions.get(String(reply.body['AccessKeyId']))?.principalTags).toEqual({ [TAG]: CONFIGURED });
    expect(await sidecar.stop()).toBe(0);
    expect(await broker.stop()).toBe(0);
  });

  it('picks up a rotated key when its time comes, and drops a revoked one at once', async () => {
    const at = await world();
    const config = at.write('broker.yaml', stringify(at.broker()));
    const broker = await startServe(config, { env: EMPTY, cwd: at.folder });
    const minted = async () => kidOf((await call(at.issuer + JWT, { bearer: SESSION })).body);
    const [old = ''] = await kidsOf(at.issuer);
    expect(await minted()).toBe(old);

    expect((await runCommand(['keys', 'rotate', '--config', config], at.folder)).code).toBe(0);
    const published = await kidsOf(at.issuer);
    expect(published).toHaveLength(2);
    expect(published[0]).toBe(old);
    expect(await minted()).toBe(old);
    const next = published[1] ?? '';

    const revoked = await runCommand(['keys', 'revoke', old, '--config', config], at.folder);
    expect(revoked.code).toBe(0);
    expect(revoked.stdout).toContain('aws:TokenIssueTime');
    expect(await kidsOf(at.issuer)).toEqual([next]);
    const without = await call(at.issuer + JWT, { bearer: SESSION });
    expect([without.status, without.body['error']]).toEqual([500, 'internal']);

    expect((await runCommand(['keys', 'generate', '--config', config], at.folder)).code).toBe(0);
    const now = await kidsOf(at.issuer);
    expect(now).not.toContain(old);
    expect(await minted()).toBe(now[0]);
    expect((await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(200);
    expect(await broker.stop()).toBe(0);
    const rows = await runCommand(['audit', 'list', '--via', 'keys', '--json', '--config', config], at.folder);
    expect(rows.stdout).toContain(old);
  });

  it('switches mint-aws-creds off when its configuration changes, and who calls it is a row still', async () => {
    const at = await world();
    const config = at.write('broker.yaml', stringify(at.broker()));
    const broker = await startServe(config, { env: EMPTY, cwd: at.folder });
    expect((await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(200);
    const listen = [`127.0.0.1:${at.brokerPort}`];
    at.write('broker.yaml', stringify(at.broker({ broker: { listen, mint_aws_creds: false } })));
    broker.signal('SIGHUP');
    await expect.poll(async () => (await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(404);
    expect((await call(at.issuer + JWT, { bearer: SESSION })).status).toBe(200);
    expect(await broker.stop()).toBe(0);
    const rows = await runCommand(
      ['audit', 'list', '--via', 'mint-aws-creds', '--outcome', 'auth_failed', '--json', '--config', config],
      at.folder,
    );
    expect(rows.stdout).toContain(WALLET);
  });

  it('takes over an old broker’s database and key file: records, kid and all', async () => {
    const at = await world();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    rmSync(join(at.folder, 'keys'), { recursive: true });
    at.write('keys/broker.json', JSON.stringify({ kid: 'old-kid', private_key_pem: pem, purpose: 'oidc' }));
    chmodSync(join(at.folder, 'keys'), 0o700);
    const config = at.write('broker.yaml', stringify(at.broker()));
    const old = new Database(join(at.folder, 'broker/audit.sqlite'));
    old.exec(`CREATE TABLE mint_log(id INTEGER PRIMARY KEY AUTOINCREMENT, minted_at INTEGER NOT NULL,
      requester_token_hash TEXT NOT NULL, requester_wallet TEXT NOT NULL, requested_role TEXT NOT NULL,
      session_duration_seconds INTEGER NOT NULL, sts_session_name TEXT NOT NULL, outcome TEXT NOT NULL, outcome_detail TEXT);
      INSERT INTO mint_log VALUES (1, 1700000000, 'aa', '${WALLET}', 'arn:aws:iam::123456789012:role/old', 3600, 's', 'ok', NULL),
                                  (2, 1700000001, 'bb', '${CONFIGURED}', 'oidc_jwt', 300, 'old-kid', 'ok', NULL)`);
    old.close();
    const broker = await startServe(config, { env: EMPTY, cwd: at.folder });
    expect(await kidsOf(at.issuer)).toEqual(['old-kid']);
    expect((await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(200);
    expect(await broker.stop()).toBe(0);
    const verified = await runCommand(['audit', 'verify', '--config', config], at.folder);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toContain('2 records of an old broker');
    const database = new Database(join(at.folder, 'broker/audit.sqlite'), { readonly: true });
    const rows = database.prepare('SELECT id, minted_at, requested_role FROM mint_log ORDER BY id').all();
    database.close();
    expect(rows).toMatchObject([
      { id: 1, minted_at: 1_700_000_000, requested_role: 'arn:aws:iam::123456789012:role/old' },
      { id: 2, minted_at: 1_700_000_001, requested_role: 'oidc_jwt' },
      { requested_role: 'audit' },
      { requested_role: 'data-role-via-jwt' },
    ]);
  });
});

/**
 * What goes wrong around a running sidecar, from the outside: the clock, the files it reads, the STS it asks. Each time
 * there is an answer that says what is wrong, never credentials, and all is well again once it is fixed.
 */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { createSidecar, type Sidecar } from '../../src/server/sidecar.ts';
import { silent, startServer } from '../auth/support.ts';
import { BEARER, CONFIGURED, call, type Reply, type Settings, start, type World, world } from '../server/support.ts';

const HOUR = 3_600_000;
const MINE = { 'scraper-a': { wallet: CONFIGURED, token_file: 'tokens/scraper-a', prefetch: false } };

interface Running {
  readonly sidecar: Sidecar;
  /** What the workload's SDK is told. */
  ask(): Promise<Reply>;
}

/** A sidecar whose wall clock is off by so many ms. */
async function sidecarOf(at: World, parts: Settings, off = 0): Promise<Running> {
  const clock: Clock = { ...systemClock, wall: () => Date.now() + off };
  const settings = at.sidecar({ workloads: MINE, ...parts });
  const config = await configFromObject(settings, { env: {}, baseDir: at.folder });
  const sidecar = await createSidecar(config, { log: silent, clock });
  onTestFinished(() => sidecar.close(0));
  const token = config.workloads.get('scraper-a')?.token?.value ?? '';
  return {
    sidecar,
    ask: () => call(`${sidecar.endpoint?.url}/v1/credentials`, { method: 'GET', headers: { authorization: token } }),
  };
}

/** A sidecar with a signer of its own, so that its own clock is in the token; the broker serves its documents. */
async function signing(off: number): Promise<Running> {
  const at = await world();
  await start(at, at.broker());
  return sidecarOf(at, { identity_token: { signer: { issuer: at.issuer, keys_dir: 'keys' } } }, off);
}

function refused({ status, body }: Reply, expected: number, code: string, ...words: string[]): void {
  expect({ status, code: body['code'] }).toEqual({ status: expected, code });
  for (const word of words) expect(body['message']).toContain(word);
  expect(body).not.toHaveProperty('SecretAccessKey');
}

it('a clock that is an hour behind is named as what to set right', async () => {
  const { ask } = await signing(-HOUR);
  refused(await ask(), 403, 'ExpiredTokenException', 'clock');
});

it('a clock that is an hour ahead hands out nothing that it takes for expired', async () => {
  const { ask } = await signing(HOUR);
  const reply = await ask();
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(reply.body['message']).toMatch(/clock|iat|not yet|future/i);
});

it('an identity token’s file that vanishes, comes back empty and then half written is named each time, and is taken once it is whole', async () => {
  const at = await world();
  const broker = await start(at, at.broker());
  expect(broker.broker?.url).toBeDefined();
  const { body } = await call(`${at.issuer}/v1/mint-oidc-jwt`, {
    bearer: BEARER,
  });
  const jwt = String(body['jwt']);
  const file = at.write('identity', jwt);
  rmSync(file);
  const { ask } = await sidecarOf(at, { identity_token: { file: { path: 'identity' } } });
  refused(await ask(), 503, 'CredentialsUninitialized', file, 'no such file');
  const next = (text: string) => {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const poll = { timeout: 15_000, interval: 100 };
  next('');
  await expect.poll(async () => (await ask()).body['message'], poll).toContain('it is empty');
  next(jwt.slice(0, -100).replace(/\.[^.]*$/, ''));
  await expect.poll(async () => (await ask()).body['message'], poll).toContain('half written');
  next(jwt);
  await expect.poll(async () => (await ask()).status, poll).toBe(200);
}, 30_000);

it('a key file that becomes empty takes nothing from a running process, and keeps another from starting, by name', async () => {
  const at = await world();
  await start(at, at.broker());
  const mint = () => call(`${at.issuer}/v1/mint-oidc-jwt`, { bearer: BEARER });
  expect((await mint()).status).toBe(200);
  const [name = ''] = readdirSync(join(at.folder, 'keys'));
  writeFileSync(join(at.folder, 'keys', name), '');
  expect((await mint()).status).toBe(200);
  const own = { identity_token: { signer: { issuer: at.issuer, keys_dir: 'keys' } } };
  await expect(sidecarOf(at, own)).rejects.toThrow(`${name}: the file is empty; walletcreds keys generate makes a key`);
});

it.each([
  [
    'XML that breaks off',
    'text/xml',
    '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>',
  ],
  ['a page', 'text/html', '<!doctype html><title>log in</title>'],
  ['nothing', 'text/xml', ''],
])('an STS that answers 200 with %s is a 503 that names it', async (_, type, text) => {
  const at = await world();
  await start(at, at.broker());
  const sts = await startServer((_request, response) => {
    response.writeHead(200, { 'content-type': type }).end(text);
  });
  const { ask } = await sidecarOf(at, { sts: { endpoint: sts.url } });
  refused(await ask(), 503, 'StsUnavailable', 'STS');
});

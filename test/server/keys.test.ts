/**
 * `walletcreds keys` beside a broker and endpoint that run: what signs is first in the JWKS, and a revocation is in the
 * same audit log.
 */
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { recordsIn } from '../audit/support.ts';
import { runCommand, startServe } from '../support/serve-process.ts';
import { call, SESSION, world } from './support.ts';

const EMPTY = { PATH: process.env['PATH'] ?? '' };

it('the key that signs is first in the JWKS through rotation, a new key and a revocation, which the running process’s audit log has', async () => {
  const at = await world();
  const config = at.write('broker.yaml', stringify(at.broker()));
  const broker = await startServe(config, { env: EMPTY, cwd: at.folder });
  const keys = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand(['keys', ...args, '--config', config], at.folder);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout;
  };
  const published = async () => {
    const { body } = await call(`${at.issuer}/.well-known/jwks.json`, { method: 'GET' });
    return (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
  };
  /** Who signs is whom the JWKS names first, and what it signs is good at STS. */
  const holds = async () => {
    const [first] = await published();
    const { status, body } = await call(`${at.issuer}/v1/mint-oidc-jwt`, { bearer: SESSION });
    expect([status, decodeProtectedHeader(String(body['jwt'])).kid]).toEqual([200, first]);
    expect((await call(`${at.issuer}/v1/mint-aws-creds`, { bearer: SESSION })).status).toBe(200);
    return published();
  };

  const [old = ''] = await holds();
  await keys('rotate');
  const [signing, next = '', ...others] = await holds();
  expect([signing, others]).toEqual([old, []]);
  expect(
    JSON.parse(await keys('list', '--json')).map((key: { kid: string; state: string }) => [key.kid, key.state]),
  ).toEqual(
    expect.arrayContaining([
      [old, 'signing'],
      [next, 'next'],
    ]),
  );
  await keys('generate');
  const [fresh = '', ...rest] = await holds();
  expect([old, next]).not.toContain(fresh);
  expect(rest.sort()).toEqual([old, next].sort());

  await keys('revoke', old);
  expect((await holds()).sort()).toEqual([fresh, next].sort());
  // While it runs: the command's record is among the process's own, in a chain of its own.
  const records = recordsIn(join(at.folder, 'broker/audit.sqlite'));
  const revoked = records.filter(({ via }) => via === 'keys');
  expect(revoked).toMatchObject([{ outcome: 'revoked', sts_session_name: old, caller_kind: 'local', seq: 1 }]);
  expect(records.at(-1)).toMatchObject({ via: 'mint-aws-creds', outcome: 'ok' });
  expect(records.at(-1)?.['writer']).not.toBe(revoked[0]?.['writer']);
  const verified = await runCommand(['audit', 'verify', '--config', config], at.folder);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('in 2 chains: intact')]);
  expect(await broker.stop()).toBe(0);
}, 60_000);

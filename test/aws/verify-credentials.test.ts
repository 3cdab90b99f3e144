import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mintAwsCreds } from '../../src/aws/verify/mint.ts';
import { untaggedExchange } from '../../src/aws/verify/untagged.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { configOf, WALLET_A, WALLET_B } from './support.ts';

describe('the untagged exchange', () => {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-walk-'));
  const ask = async (status: number, body: string) => {
    const keysDir = mkdtempSync(join(folder, 'keys-'));
    await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
    const config = configOf({ keysDir });
    const workload = config.workloads.get('scraper-a')?.workload;
    if (workload === undefined) throw new Error('no workload');
    let sent = '';
    const run = await untaggedExchange(config, workload, {
      send: async request => {
        sent = request.body ?? '';
        return { status, headers: {}, body };
      },
    });
    const answer = await run?.();
    const jwt = new URLSearchParams(sent).get('WebIdentityToken') ?? '';
    return { answer, claims: JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) };
  };
  test('sends a token that is good but for the tag, and takes AccessDenied alone for a refusal', async () => {
    const { answer, claims } = await ask(
      403,
      '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>',
    );
    expect(answer?.outcome).toBe('refused');
    expect(claims).toMatchObject({ iss: 'https://oidc.example.com', aud: 'sts.amazonaws.com' });
    expect(Object.keys(claims)).not.toContain('https://aws.amazon.com/tags');
  });
  test.each([
    [200, '<R><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials></R>', 'taken'],
    [400, '<E><Error><Code>InvalidIdentityToken</Code></Error></E>', 'unclear'],
    [403, '<html>Forbidden</html>', 'unclear'],
  ])('%i %s is %s', async (status, body, outcome) => {
    expect((await ask(status, body)).answer?.outcome).toBe(outcome);
  });
  test('is not there without a key', async () => {
    const config = configOf();
    const workload = config.workloads.get('scraper-a')?.workload;
    expect(workload === undefined ? 'none' : await untaggedExchange(config, workload)).toBeUndefined();
    rmSync(folder, { recursive: true });
  });
});

describe('mint-aws-creds', () => {
  const bearerFile = join(mkdtempSync(join(tmpdir(), 'walletcreds-mint-')), 'bearer');
  writeFileSync(bearerFile, 'session-of-a\n');
  const ask = (status: number, body: string) =>
    mintAwsCreds({
      broker: 'https://b/',
      bearerFile,
      wallet: WALLET_A,
      send: async () => ({ status, headers: {}, body }),
    });
  const good = { access_key_id: 'ASIA', secret_access_key: 's', session_token: 't', expiration: 1, wallet: WALLET_A };
  test('gives what the broker answered', async () => {
    expect(await ask(200, JSON.stringify(good))).toEqual({
      accessKeyId: 'ASIA',
      secretAccessKey: 's',
      sessionToken: 't',
    });
  });
  test.each([
    ['another wallet', 200, JSON.stringify({ ...good, wallet: WALLET_B }), /belongs to/],
    ['a refusal', 401, '{"error":"unauthorized","message":"gone"}', /401: gone/],
    ['HTML', 200, '<html>', /no JSON/],
    ['an empty object', 200, '{}', /without credentials/],
  ])('%s is refused', async (_, status, body, message) => {
    await expect(ask(status, body)).rejects.toThrow(message);
  });
});

/**
 * The recipes for docker-compose: valid, hardened, and each one's network really built and used.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { because, debian } from '../support/clients.ts';
import { bin } from '../support/process.ts';
import { type ComposeFile, type Copied, copyRecipes, RECIPES } from './compose-file.ts';
import { createStack, noStacks, type Running, type Stack } from './stack.ts';

const STS_PORT = '4566';
const ROLE = 'arn:aws:iam::123456789012:role/agentkeys-data-role';
const WALLET_A = '0x52908400098527886e0f7030069857d2e4169ee7';
const WALLET_B = '0xde709f2102306220921060314715629080e2fb77';
const compose = debian('docker-compose');

let copied: Copied;
beforeAll(() => {
  if (compose === undefined) copied = copyRecipes();
});
afterAll(() => copied?.remove());

describe.skipIf(because(compose)).each(RECIPES)('%s', recipe => {
  let file: ComposeFile;
  beforeAll(() => {
    file = copied.resolve(recipe);
  });

  test('is valid', () => {
    expect(Object.keys(file.services).length).toBeGreaterThan(1);
  });

  test('gives every service a read-only root, no capability, no new privileges, no core dump, a uid of its own', () => {
    for (const [name, service] of Object.entries(file.services)) {
      expect({ name, ...service }).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        ulimits: { core: 0 },
        user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
      });
      for (const key of ['cap_add', 'privileged', 'pid', 'ipc', 'ports']) expect(service).not.toHaveProperty(key);
    }
    const own = Object.entries(file.services).filter(([name]) => name.startsWith('walletcreds'));
    const others = Object.entries(file.services).filter(([name]) => !name.startsWith('walletcreds'));
    expect(own.map(([, { user }]) => user).filter(user => others.some(([, other]) => other.user === user))).toEqual([]);
  });

  test('starts an app only once its credentials are there, and hands it no secret in the file', () => {
    for (const [name, service] of Object.entries(file.services)) {
      if (name.startsWith('walletcreds')) continue;
      expect(Object.values(service.depends_on ?? {})).toEqual([{ condition: 'service_healthy' }]);
      expect(
        Object.keys(service.environment ?? {}).filter(key =>
          /^AWS_(ACCESS|SECRET|SESSION|CONTAINER_AUTHORIZATION_TOKEN$)/.test(key),
        ),
      ).toEqual([]);
      expect(service.volumes?.filter(volume => !volume.endsWith(':ro')) ?? []).toEqual([]);
    }
    expect(Object.values(file.volumes ?? {}).map(volume => volume?.driver_opts?.type)).not.toContain(undefined);
  });
});

const skipped = noStacks();

/** Brings a recipe's walletcreds up, an STS beside it, and waits until it is healthy, as the apps do. */
async function bringUp(stack: Stack, options: { issuer?: string; documents?: string; sidecars?: string[] } = {}) {
  const { issuer = 'https://oidc.example.com', documents = '/run/documents', sidecars = ['walletcreds'] } = options;
  const up = new Map<string, Running>();
  for (const name of sidecars) {
    const sts = stack.start(name, ['node', '/app/test/network/programs/sts.mjs', STS_PORT, ROLE, issuer, documents], {
      user: 'root',
    });
    await listening(sts);
    const running = stack.up(name, { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${STS_PORT}` });
    up.set(name, running);
    await stack.healthy(name, running);
  }
  return up;
}

function listening({ child, ended, said }: Running): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => said().includes('listening') && resolve());
    void ended.then(({ stderr }) => reject(new Error(stderr)));
  });
}
void join;
void bin;
void execFileSync;
void WALLET_B;
void afterEach;
void WALLET_A;

describe.skipIf(skipped)('the dev stack', () => {
  let stack: Stack;
  let walletcreds: Running;
  beforeAll(async () => {
    stack = createStack(copied.resolve('docker-compose.yml'));
    walletcreds = stack.up('walletcreds');
    await stack.healthy('walletcreds', walletcreds);
  });
  afterAll(() => stack?.close());

  test('shows the scraper its wallet, with an unmodified SDK', async () => {
    const { code, stdout, stderr } = await stack.up('scraper').ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ account: '000000000000', wallet: WALLET_A });
  });
});

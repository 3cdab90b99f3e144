/**
 * The recipes for docker-compose: each one's network is built and used.
 *
 * @module
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { because, debian } from '../support/clients.ts';
import { type Copied, copyRecipes } from './compose-file.ts';
import { createStack, noStacks, type Running, type Stack } from './stack.ts';

const STS_PORT = '4566';
const ROLE = 'arn:aws:iam::123456789012:role/agentkeys-data-role';
const WALLET_A = '0x52908400098527886e0f7030069857d2e4169ee7';
const WALLET_B = '0xde709f2102306220921060314715629080e2fb77';

let copied: Copied;
beforeAll(() => {
  if (debian('docker-compose') === undefined) copied = copyRecipes();
});
afterAll(() => copied?.remove());

const skipped = noStacks();

/** Brings a recipe's sidecars up, an STS beside each, and waits until they are healthy, as `depends_on` does. */
async function bringUp(recipe: string, env: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const stack = createStack(copied.resolve(recipe));
  for (const name of Object.keys(stack.file.services).filter(service => service.startsWith('walletcreds'))) {
    await startSts(stack, name, 'https://oidc.example.com', join(copied.folder, 'deploy/compose/public'));
    const running = stack.up(name, { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${STS_PORT}`, ...env });
    await stack.healthy(name, running);
  }
  return stack;
}

/** The emulator in a service's network namespace. */
async function startSts(stack: Stack, service: string, issuer: string, documents: string): Promise<void> {
  const program = ['node', '/app/test/network/programs/sts.mjs', STS_PORT, ROLE, issuer, documents];
  const { child, ended, said } = stack.start(service, program, { user: 'root' });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => said().includes('listening') && resolve());
    void ended.then(({ stderr }) => reject(new Error(stderr)));
  });
}

/** Where an app finds the emulator: real ones leave this to the region. */
const sts = (stack: Stack, service = 'walletcreds') => ({
  AWS_ENDPOINT_URL_STS: `http://${stack.address(service)}:${STS_PORT}`,
});
const loopbackSts = { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${STS_PORT}` };

/** What the example says on its last line. */
async function whoIs(running: Running): Promise<{ account?: string; arn?: string; wallet?: string }> {
  const { code, stdout, stderr } = await running.ended;
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { wallet?: string };
}

/** The AWS CLI and boto3 in a service's place: their answer's ARN. */
async function arnBy(
  client: 'AWS CLI' | 'boto3',
  stack: Stack,
  service: string,
  env: Record<string, string>,
): Promise<string> {
  const cli = [
    '/usr/bin/aws',
    '--endpoint-url',
    env['AWS_ENDPOINT_URL_STS'] ?? '',
    'sts',
    'get-caller-identity',
    '--query',
    'Arn',
    '--output',
    'text',
  ];
  const python = ['/usr/bin/python3', '/app/test/conformance/clients/programs/boto3_sts.py'];
  const { code, stdout, stderr } = await stack.run(service, client === 'boto3' ? python : cli, { env });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** A bare request from inside a service: `[status, code]` of the answer, or the reason why there was none. */
async function request(
  stack: Stack,
  service: string,
  url: string,
  headers: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<unknown> {
  const program = ['node', '/app/test/network/programs/get.mjs', url, JSON.stringify(headers)];
  const { stdout, stderr } = await stack.run(service, program, { env });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const debianClients = debian('awscli', 'python3-boto3');

describe.skipIf(skipped)('the dev stack', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = createStack(copied.resolve('docker-compose.yml'));
    await stack.healthy('walletcreds', stack.up('walletcreds'));
  });
  afterAll(() => stack?.close());

  test('shows the scraper its wallet, with an unmodified SDK', async () => {
    expect(await whoIs(stack.up('scraper'))).toMatchObject({ account: '000000000000', wallet: WALLET_A });
  });

  test('gives another uid neither the token nor the signing key', async () => {
    for (const file of ['tokens/scraper', 'keys', 'env/scraper.env', 'audit.sqlite']) {
      const look = ['/bin/sh', '-c', `cat /run/walletcreds/${file} || ls /run/walletcreds/${file}/`];
      const { code, stdout } = await stack.run('scraper', look, { user: '10003:10003' });
      expect({ file, code, stdout }).toEqual({ file, code: 2, stdout: '' });
    }
  });

  test('lets the scraper read its token and nothing else, and write nowhere', async () => {
    const read = (file: string) => stack.run('scraper', ['/bin/cat', `/run/walletcreds/${file}`]);
    expect((await read('tokens/scraper')).stdout).toMatch(/^[0-9a-f]{64}$/);
    const keys = await stack.run('scraper', ['/bin/ls', '/run/walletcreds/keys']);
    expect(keys.stderr).toContain('Permission denied');
    for (const place of ['/run/walletcreds/tokens/x', '/x', '/tmp/x', '/app/x']) {
      const { stderr } = await stack.run('scraper', ['/bin/sh', '-c', `: >${place}`]);
      expect(stderr).toMatch(/Read-only file system|Permission denied/);
    }
  });

  test('holds its ports against a squatter, on the address and on the wildcard', async () => {
    const squat = (host: string) =>
      stack.run('scraper', [
        ...[
          'node',
          '-e',
          'require("node:net").createServer().on("error", e => console.log(e.code)).listen(9110, process.argv[1], function () { console.log("taken"); this.close(); })',
          host,
        ],
      ]);
    for (const host of ['127.0.0.1', '0.0.0.0']) expect((await squat(host)).stdout).toBe('EADDRINUSE\n');
  });

  test('stays unhealthy where a squatter was first, says so in one line, and the app never starts', async () => {
    const late = createStack(stack.file);
    try {
      const squatter = late.start('scraper', [
        ...[
          'node',
          '-e',
          'require("node:http").createServer((_, r) => r.end("{}")).listen(9110, "127.0.0.1", () => console.log("taken"))',
        ],
      ]);
      await new Promise(resolve => squatter.child.stdout?.once('data', resolve));
      const walletcreds = late.up('walletcreds');
      await expect(late.healthy('walletcreds', walletcreds)).rejects.toThrow(
        'port 9110 (endpoint) is in use by another program',
      );
      expect((await walletcreds.ended).stderr.trim().split('\n')).toHaveLength(1);
    } finally {
      late.close();
    }
  });

  test('can’t be reached from a container that isn’t in its namespace', async () => {
    stack.stranger('stranger', { network: 'default', address: '10.77.0.99' });
    for (const port of [9110, 9111, 9112])
      expect(await request(stack, 'stranger', `http://${stack.address('walletcreds')}:${port}/`)).toBe('ECONNREFUSED');
  });
});

describe.skipIf(skipped)('the bridge', () => {
  let stack: Stack;
  const url = 'http://169.254.170.2/v1/credentials';
  beforeAll(async () => {
    stack = await bringUp('deploy/compose/bridge.yml');
  });
  afterAll(() => stack?.close());
  const id = () => copied.read('secrets/scraper-a.id');
  const token = async (service: string) =>
    (await stack.asRoot('scraper-b', 'cat', `/run/walletcreds/tokens/${service}`)).stdout;

  test('gives each app its own wallet: one by RELATIVE_URI, one by FULL_URI with a token', async () => {
    expect(await whoIs(stack.up('scraper-a', sts(stack)))).toMatchObject({ wallet: WALLET_A });
    expect(await whoIs(stack.up('scraper-b', sts(stack)))).toMatchObject({ wallet: WALLET_B });
  });

  describe.skipIf(because(debianClients))('serves Debian’s clients too', () => {
    test.each(['AWS CLI', 'boto3'] as const)('%s', async client => {
      expect(await arnBy(client, stack, 'scraper-a', sts(stack))).toContain(WALLET_A);
      // Versions before TOKEN_FILE was known want the token itself.
      const env = { ...sts(stack), AWS_CONTAINER_AUTHORIZATION_TOKEN: await token('scraper-b') };
      expect(await arnBy(client, stack, 'scraper-b', env)).toContain(WALLET_B);
    });
  });

  test('refuses no token, another’s path, and a made-up one', async () => {
    expect(await request(stack, 'scraper-b', url)).toEqual([401, 'InvalidAuthorizationToken']);
    expect(await request(stack, 'scraper-b', url, { authorization: 'f'.repeat(64) })).toEqual([
      401,
      'InvalidAuthorizationToken',
    ]);
    expect(await request(stack, 'scraper-b', `${url}/scraper-a`, { authorization: await token('scraper-b') })).toEqual([
      403,
      'WorkloadMismatch',
    ]);
  });

  test('keeps another container’s token out of reach: scraper-a can’t read scraper-b’s, nor scraper-b scraper-a’s', async () => {
    for (const [service, file] of [
      ['scraper-a', 'scraper-b'],
      ['scraper-b', 'scraper-a'],
    ] as const) {
      const { code, stdout } = await stack.run(service, ['/bin/cat', `/run/walletcreds/tokens/${file}`]);
      expect({ service, code, stdout }).toEqual({ service, code: 1, stdout: '' });
    }
  });

  test('a stolen id is worth nothing at another source: the same 404 as for a wrong one', async () => {
    const v2 = `http://169.254.170.2/v2/credentials/${id()}`;
    expect(await request(stack, 'scraper-a', v2)).toEqual([200, 'Success']);
    expect(await request(stack, 'scraper-b', v2)).toEqual([404, 'NotFound']);
    expect(await request(stack, 'scraper-a', `${v2.slice(0, -1)}x`)).toEqual([404, 'NotFound']);
  });

  test('a container that isn’t on the network has no way to it', async () => {
    stack.stranger('nowhere');
    expect(await request(stack, 'nowhere', url)).toBe('ENETUNREACH');
    stack.stranger('outside', { network: 'default', address: '10.77.0.99' });
    expect(await request(stack, 'outside', url)).toBe('ENETUNREACH');
    // Nor by the other address of walletcreds: it listens on the bridge alone.
    expect(await request(stack, 'outside', `http://${stack.address('walletcreds')}/v1/credentials`)).toBe(
      'ECONNREFUSED',
    );
  });

  describe('a neighbour that would be 169.254.170.2', () => {
    const neighbour = async () =>
      (await stack.asRoot('scraper-a', 'ip', 'neigh', 'show', '169.254.170.2')).stdout.split(' ')[4];
    const mac = async (service: string) => {
      const said = (await stack.asRoot(service, 'ip', '-o', 'link')).stdout;
      return [...said.matchAll(/link\/ether (\S+)/g)].map(([, address]) => address);
    };
    const spoof = ['/usr/sbin/arping', '-c', '1', '-P', '-U', '-S', '169.254.170.2', '169.254.170.2'];
    const device = async () =>
      /(eth\d+)\s+inet 169\.254\./.exec((await stack.asRoot('scraper-b', 'ip', '-o', '-4', 'addr')).stdout)?.[1] ?? '';

    test('can’t forge ARP without NET_RAW, nor take the address without NET_ADMIN', async () => {
      const args = [...spoof, '-i', await device()];
      const forged = await stack.run('scraper-b', args);
      expect(forged.code).not.toBe(0);
      expect(forged.stderr).toMatch(/not permitted|permission|root/i);
      const taken = await stack.run('scraper-b', [
        '/usr/sbin/ip',
        'addr',
        'add',
        '169.254.170.2/24',
        'dev',
        await device(),
      ]);
      expect(taken.stderr).toContain('Operation not permitted');
      expect(await request(stack, 'scraper-a', `http://169.254.170.2/v2/credentials/${id()}`)).toEqual([
        200,
        'Success',
      ]);
      expect(await mac('walletcreds')).toContain(await neighbour());
    });

    test('could with it, which is why the recipe drops it', async () => {
      // It gets no answer, and wants none.
      await stack.asRoot('scraper-b', ...spoof, '-i', await device());
      expect(await mac('scraper-b')).toContain(await neighbour());
      await stack.asRoot('scraper-a', 'ip', 'neigh', 'flush', 'all');
    });
  });
});

describe.skipIf(skipped)('several wallets', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await bringUp('deploy/compose/several-wallets.yml');
  });
  afterAll(() => stack?.close());

  test('each app is its own wallet, at the same address', async () => {
    expect(await whoIs(stack.up('scraper-a', loopbackSts))).toMatchObject({ wallet: WALLET_A });
    expect(await whoIs(stack.up('scraper-b', loopbackSts))).toMatchObject({ wallet: WALLET_B });
  });

  test('the other’s token opens nothing, and the other’s endpoint can’t be reached', async () => {
    const { stdout: other } = await stack.run('scraper-b', ['/bin/cat', '/run/walletcreds/tokens/app']);
    expect(other).toMatch(/^[0-9a-f]{64}$/);
    expect(await request(stack, 'scraper-a', 'http://127.0.0.1:9110/v1/credentials', { authorization: other })).toEqual(
      [401, 'InvalidAuthorizationToken'],
    );
    const elsewhere = `http://${stack.address('walletcreds-b')}:9110/v1/credentials`;
    expect(await request(stack, 'scraper-a', elsewhere, { authorization: other })).toBe('ECONNREFUSED');
  });
});

describe.skipIf(skipped)('https', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await bringUp('deploy/compose/https.yml');
  });
  afterAll(() => stack?.close());
  const url = 'https://walletcreds.internal:9443/v1/credentials';

  test('serves an unmodified SDK by a name that its CA vouches for', async () => {
    expect(await whoIs(stack.up('scraper', sts(stack)))).toMatchObject({ wallet: WALLET_A });
  });

  test.skipIf(because(debianClients)).each(['AWS CLI', 'boto3'] as const)(
    'Debian’s %s is of a version that takes no name but localhost: for it there is the bridge',
    async client => {
      const { stdout: token } = await stack.run('scraper', ['/bin/cat', '/run/walletcreds/tokens/scraper']);
      const env = { ...sts(stack), AWS_CA_BUNDLE: '/etc/walletcreds-ca.pem', AWS_CONTAINER_AUTHORIZATION_TOKEN: token };
      await expect(arnBy(client, stack, 'scraper', env)).rejects.toThrow(/Unsupported host 'walletcreds.internal'/);
    },
  );

  test('is trusted by nobody who wasn’t given the CA, and not by another name', async () => {
    const without = { NODE_EXTRA_CA_CERTS: '' };
    expect(await stack.up('scraper', { ...sts(stack), ...without }).ended).toMatchObject({ code: 1, stdout: '' });
    expect(await request(stack, 'scraper', url, {}, without)).toMatch(
      /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/,
    );
    expect(await request(stack, 'scraper', url.replace('walletcreds.internal', stack.address('walletcreds')))).toMatch(
      /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    );
  });

  test('refuses no token, and a name that the configuration doesn’t have', async () => {
    expect(await request(stack, 'scraper', url)).toEqual([401, 'InvalidAuthorizationToken']);
    expect(await request(stack, 'scraper', url, { host: 'evil.example' })).toEqual([403, 'HostNotAllowed']);
  });
});

describe.skipIf(skipped)('an STS of one’s own', () => {
  test('fetches the issuer’s documents from walletcreds over the stack’s network, and the app learns its wallet', async () => {
    const stack = createStack(copied.resolve('deploy/compose/own-sts.yml'));
    try {
      stack.stranger('store', { network: 'default', address: '10.77.0.50' });
      const own = { OWN_STS: `http://10.77.0.50:${STS_PORT}` };
      await startSts(stack, 'store', 'http://walletcreds:8091', '');
      await stack.healthy('walletcreds', stack.up('walletcreds', own));
      const app = stack.up('scraper', { AWS_ENDPOINT_URL_STS: own.OWN_STS, AWS_ENDPOINT_URL_S3: own.OWN_STS });
      expect(await whoIs(app)).toMatchObject({ wallet: WALLET_A });
      // Mints for nobody: no workload has a bearer.
      const mint = await request(stack, 'store', 'http://walletcreds:8091/healthz');
      expect(mint).not.toBe('ECONNREFUSED');
    } finally {
      stack.close();
    }
  });
});

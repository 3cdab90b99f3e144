/**
 * The recipe's node agent on a node's network: its own init script, its own configuration, the real program with the one
 * capability that the recipe leaves it, and the real SDK in pods that know two variables.
 *
 * @module
 */

import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { configFromObject } from '../../src/config/load.ts';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { createSidecar, type Sidecar } from '../../src/server/sidecar.ts';
import { silent } from '../auth/support.ts';
import { because } from '../support/clients.ts';
import { freePorts, root, temporaryFolder } from '../support/process.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { AGENT, APP, type As, missingForNodes, type Node, type Running, startNode } from './node.ts';

const missing = missingForNodes();
const programs = fileURLToPath(new URL('programs', import.meta.url));
const recipe = (name: string) => readFileSync(join(root, 'deploy/kubernetes/node-agent', name), 'utf8');
const app = readFileSync(join(root, 'deploy/kubernetes/node-agent-app/deployment.yaml'), 'utf8');
const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const ACCOUNT = '123456789012';
const PODS = {
  a: ['10.42.0.10', 'fd00:10:42::10'],
  // Not one of the cluster's addresses.
  x: ['10.99.0.10', 'fd00:99::10'],
} as const;
const V4 = 'http://169.254.170.23/v1/credentials';
const V6 = 'http://[fd00:ec2::23]/v1/credentials';

interface Template {
  spec: { template: { spec: { initContainers: [InitContainer] } } };
}
interface InitContainer {
  command: string[];
  securityContext: { capabilities: { add: string[]; drop: string[] } };
}
const [init] = (parse(recipe('daemonset.yaml')) as Template).spec.template.spec.initContainers;
const [wait] = (parse(app) as Template).spec.template.spec.initContainers;
const addresses = (node: Node) =>
  node.script(
    init.command[2] ?? '',
    init.securityContext.capabilities.add.map(name => name.toLowerCase()),
  );

describe.skipIf(because(missing))('on a node', () => {
  const { path: folder, remove } = temporaryFolder('node');
  let node: Node;
  let cluster: Cluster;
  let sts: RunningStsEmulator;
  let broker: Sidecar;
  let agent: Running;
  let config = '';
  const env = { NODE_NAME: 'node-1' };

  beforeAll(async () => {
    // The pod's user goes through it to its token.
    chmodSync(folder, 0o755);
    node = startNode(folder, ['apiserver.test', 'broker.test'], PODS);
    cluster = await startCluster(folder, { name: 'apiserver.test', address: node.outside });
    const [plain, secure] = [await freePorts(1), await freePorts(1)];
    const issuer = `http://127.0.0.1:${plain}`;
    sts = await startStsEmulator({
      host: node.outside,
      accountId: ACCOUNT,
      issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
      roles: [{ name: 'agentkeys-data-role', trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer }) }],
    });
    await generateKey(join(folder, 'keys'), { alg: 'ES256', purpose: 'oidc' });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(folder, 'tls.crt'), selfSignedCertificate(privateKey, 'broker.test', Date.now()));
    writeFileSync(join(folder, 'tls.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const settings = parse(recipe('walletcreds.yaml'));
    const [jwt] = settings.callers.jwt;
    Object.assign(jwt, { issuer: cluster.issuer });
    writeFileSync(join(folder, 'jwks.json'), cluster.jwks());
    mkdirSync(join(folder, 'broker-state'));
    mkdirSync(join(folder, 'agent-state'));
    const loaded = await configFromObject(
      {
        region: 'us-east-1',
        role_arn: settings.role_arn,
        state_dir: join(folder, 'broker-state'),
        endpoint: { listen: [] },
        admin: { listen: [] },
        broker: {
          listen: [`127.0.0.1:${plain}`],
          tls: { listen: [`${node.outside}:${secure}`], cert_file: 'tls.crt', key_file: 'tls.key' },
          extra_hosts: ['broker.test'],
        },
        identity_token: { signer: { issuer, keys_dir: 'keys' } },
        sts: { endpoint: sts.url, allow_insecure_http: true },
        workloads: settings.workloads,
        callers: {
          jwt: [
            {
              ...jwt,
              listeners: ['broker'],
              node_name: undefined,
              allow_any_node: true,
              // The names are the node's: this process takes a copy.
              jwks: { file: 'jwks.json' },
            },
          ],
        },
      },
      { baseDir: folder, env: {} },
    );
    broker = await createSidecar(loaded, { log: silent });

    settings.state_dir = join(folder, 'agent-state');
    settings.sts = { endpoint: sts.url, allow_insecure_http: true };
    Object.assign(settings.identity_token.broker, {
      url: `https://broker.test:${secure}`,
      ca_file: join(folder, 'tls.crt'),
    });
    jwt.jwks = { url: cluster.jwksUrl, ca_file: cluster.caFile, bearer_file: cluster.bearerFile };
    config = join(folder, 'walletcreds.yaml');
    writeFileSync(config, stringify(settings));

    for (let twice = 0; twice < 2; twice++) expect(await addresses(node)).toMatchObject({ code: 0 });
    agent = node.serve(AGENT, config, env);
    await agent.says('"serving"');
  });
  afterAll(async () => {
    await agent?.stop();
    await broker?.close(0);
    await cluster?.goAway();
    await sts?.close();
    node?.close();
    remove();
  });

  async function tokenFile(name: string, pod: Parameters<Cluster['token']>[0] = {}): Promise<string> {
    const file = join(folder, name);
    writeFileSync(file, await cluster.token(pod));
    chmodSync(file, 0o644);
    return file;
  }

  const ask = async (where: string | undefined, as: As, url: string, file: string) =>
    (await node.run(where, as, [process.execPath, join(programs, 'ask.mjs'), url, file])).stdout.trim();

  test.each([
    ['IPv4', V4],
    ['IPv6', V6],
  ])('the AWS SDK in a pod finds its wallet’s credentials over %s, by two variables', async (_, url) => {
    const { code, stdout, stderr } = await node.run('a', APP, [process.execPath, join(programs, 'credentials.mjs')], {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await tokenFile('token'),
      AWS_REGION: 'us-east-1',
    });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(sts.sessions.get(stdout.trim())?.principalTags).toEqual({ agentkeys_user_wallet: WALLET });
  });

  test('the token of a pod on another node is nothing here', async () => {
    expect(await ask('a', APP, V4, await tokenFile('stolen', { node: 'node-2' }))).toBe(
      '401 InvalidAuthorizationToken',
    );
  });

  test('a service account that isn’t mapped is told so', async () => {
    expect(await ask('a', APP, V4, await tokenFile('other', { account: 'default:default' }))).toBe(
      '403 WorkloadUnknown',
    );
  });

  test('who isn’t one of the cluster’s pods by its address gets no answer, whatever it shows', async () => {
    const file = await tokenFile('token');
    for (const url of [V4, V6]) expect(await ask('x', APP, url, file)).toBe('ECONNRESET');
    // Nor a process of the node itself, though it holds a pod's token.
    for (const url of [V4, V6]) expect(await ask(undefined, APP, url, file)).toBe('ECONNRESET');
  });

  test('nothing listens to the node’s other addresses', async () => {
    const file = await tokenFile('token');
    expect(await ask(undefined, APP, 'http://127.0.0.1/v1/credentials', file)).toBe('ECONNREFUSED');
    expect(await ask(undefined, APP, 'http://127.0.0.1:9110/v1/credentials', file)).toBe('ECONNREFUSED');
  });

  test('the probes of the kubelet, which is on the node, are answered', async () => {
    const probe = await node.run(undefined, APP, [process.execPath, '--', join(root, 'dist/bin.js'), 'healthcheck']);
    expect(probe).toMatchObject({ code: 0, stdout: 'ready\n' });
  });

  test('a second agent on the node says in one line that the port is taken', async () => {
    const { code, stderr } = await node.run(
      undefined,
      AGENT,
      [process.execPath, '--', join(root, 'dist/bin.js'), 'serve', '--config', config],
      env,
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/endpoint\.listen: can't listen on 169\.254\.170\.23:80: the port is in use/);
  });

  describe('a pod whose node has no agent yet', () => {
    /** The recipe's own init container. */
    const waiting = (file: string) =>
      node.start('a', APP, [process.execPath, ...wait.command.slice(1)], {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: V4,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
      });

    test('holds its app back, says why, and lets it start once there are credentials for it', async () => {
      expect(wait.command[0]).toBe('node');
      expect(wait.securityContext).toMatchObject({ capabilities: { drop: ['ALL'] } });
      await agent.stop();
      const init = waiting(await tokenFile('token'));
      await init.says(`waiting for ${V4}: connect ECONNREFUSED`);
      agent = node.serve(AGENT, config, env);
      expect(await init.ended).toBe(0);
      expect(await ask('a', APP, V4, await tokenFile('token'))).toBe('200 Success');
    });

    test('says of a service account that isn’t mapped what it is told, and goes on asking', async () => {
      const init = waiting(await tokenFile('unknown', { account: 'default:nobody' }));
      await init.says(`waiting for ${V4}: WorkloadUnknown: `);
      await init.stop();
    });
  });

  test('a further service account is taken over from the ConfigMap without a restart, and a bad wallet changes nothing', async () => {
    const good = readFileSync(config, 'utf8');
    writeFileSync(config, good.replace(/0x529\w+/, '0x529'));
    await vi.waitFor(() => expect(agent.said()).toMatch(/workloads\.scraper-a\.wallet/), { timeout: 10_000 });
    expect(await ask('a', APP, V4, await tokenFile('token'))).toBe('200 Success');
    const settings = parse(good);
    settings.callers.jwt[0].subjects['system:serviceaccount:default:default'] = 'scraper-a';
    writeFileSync(config, stringify(settings));
    const file = await tokenFile('other', { account: 'default:default' });
    await vi.waitFor(async () => expect(await ask('a', APP, V4, file)).toBe('200 Success'), { timeout: 10_000 });
  });
});

describe.skipIf(because(missing))('a node where something is missing', () => {
  const { path: folder, remove } = temporaryFolder('bare-node');
  afterAll(remove);
  const jwks = join(folder, 'jwks.json');
  const settings = {
    ...parse(recipe('walletcreds.yaml')),
    state_dir: folder,
    identity_token: { broker: { url: 'https://broker.test', bearer: 'caller' } },
  };
  settings.callers.jwt[0].jwks = { file: jwks };
  const config = join(folder, 'walletcreds.yaml');
  writeFileSync(config, stringify(settings));
  writeFileSync(jwks, '{"keys":[]}');
  for (const path of [folder, config, jwks]) chmodSync(path, path === folder ? 0o1777 : 0o644);

  /** The line of the pod's log that is about it. */
  async function said(as: As, prepare: (node: Node) => Promise<unknown> | unknown): Promise<[number | null, string]> {
    const node = startNode(folder, ['broker.test'], {});
    try {
      await prepare(node);
      const serve = [process.execPath, '--', join(root, 'dist/bin.js'), 'serve', '--config', config];
      const { code, stderr } = await node.run(undefined, as, serve, { NODE_NAME: 'node-1' });
      return [code, stderr.split('\n').find(line => line.includes('endpoint.listen')) ?? stderr];
    } finally {
      node.close();
    }
  }

  test('says which address it lacks', async () => {
    const [code, line] = await said(AGENT, () => undefined);
    expect([code, line]).toEqual([1, expect.stringContaining('169.254.170.23 is no address of this machine; add it')]);
  });

  test('says that it may not listen on port 80, as another user or without the capability', async () => {
    for (const as of [
      { ...AGENT, uid: 65_532 },
      { ...AGENT, capabilities: [] },
    ]) {
      const [code, line] = await said(as, addresses);
      expect([code, line]).toEqual([1, expect.stringContaining('no permission for port 80; ')]);
      expect(line).toContain('CAP_NET_BIND_SERVICE');
    }
  });

  test('says that it has no IPv6, in the init container and in the agent', async () => {
    const [code, line] = await said(AGENT, async node => {
      await node.run(undefined, { uid: 0, capabilities: ['net_admin'] }, [
        'sysctl',
        '-qw',
        'net.ipv6.conf.all.disable_ipv6=1',
      ]);
      const { code, stdout } = await addresses(node);
      expect([code, stdout]).toEqual([0, 'this node has no IPv6: take "[fd00:ec2::23]:80" out of endpoint.listen\n']);
    });
    expect([code, line]).toEqual([1, expect.stringContaining("can't listen on [fd00:ec2::23]:80: ")]);
  });
});

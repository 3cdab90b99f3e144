/**
 * The recipes of `deploy/kubernetes` hold what they promise: they can be built by an old kustomize, Kubernetes knows each of
 * their fields, they are as closed as they can be, and their `walletcreds.yaml` loads.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { because } from '../support/clients.ts';
import { bin, cleanEnv, root, run, temporaryFolder } from '../support/process.ts';
import {
  build,
  containersOf,
  type KubernetesObject,
  RECIPES,
  type Recipe,
  restrictedFindings,
  typeOf,
  unknownFields,
  workload,
} from './objects.ts';
import { podFolder } from './pod-folder.ts';
import { kubectls, schemas } from './tools.ts';

const built = await kubectls();
const programs = 'programs' in built ? built.programs : [];
const noKubectl = 'missing' in built ? built.missing : undefined;
const known = await schemas();
const noSchemas = 'missing' in known ? known.missing : undefined;

const objects = Object.fromEntries(
  RECIPES.map(recipe => [recipe, programs[0] === undefined ? [] : build(programs[0], recipe)]),
) as Record<Recipe, KubernetesObject[]>;

function folder(): string {
  const { path, remove } = temporaryFolder('pod');
  onTestFinished(remove);
  return path;
}

describe.skipIf(because(noKubectl)).each(RECIPES)('the recipe %s', recipe => {
  test('is built alike by the oldest kustomize and by the one of this machine', () => {
    expect(objects[recipe].length).toBeGreaterThan(2);
    // Each version has its own way to hash what is in a ConfigMap.
    const unhashed = (list: KubernetesObject[]) =>
      JSON.parse(JSON.stringify(list).replace(/-[2456789bcdfghkmt]{10}(?=")/g, '')) as KubernetesObject[];
    const sorted = (list: KubernetesObject[]) =>
      unhashed(list).toSorted((a, b) => (a.kind + a.metadata.name < b.kind + b.metadata.name ? -1 : 1));
    for (const program of programs.slice(1)) expect(sorted(build(program, recipe))).toEqual(sorted(objects[recipe]));
  });

  test.skipIf(because(noSchemas))(
    'has no value that the Kubernetes schemas refuse, and no field that they lack',
    () => {
      if ('missing' in known) throw new Error(known.missing);
      for (const object of objects[recipe]) {
        expect(() => known.validate(object), object.kind).not.toThrow();
        expect(known.fields(typeOf(object)), typeOf(object)).toBeDefined();
        expect(unknownFields(known, object, typeOf(object), object.kind)).toEqual([]);
      }
    },
  );

  test('names its objects’ labels, namespaces and each other right', () => {
    const { object, template, pod } = workload(objects[recipe]);
    const labels = template.metadata.labels;
    const namespace = objects[recipe].find(({ kind }) => kind === 'Namespace')?.metadata.name;
    for (const each of objects[recipe]) if (each.kind !== 'Namespace') expect(each.metadata.namespace).toBe(namespace);
    const selectors = objects[recipe]
      .map(({ spec }) => spec?.podSelector ?? spec?.selector)
      .filter(selector => selector !== undefined);
    expect(selectors).toContain(object.spec?.selector);
    for (const selector of selectors) expect(labels).toMatchObject(selector['matchLabels'] ?? selector);
    const accounts = objects[recipe].filter(({ kind }) => kind === 'ServiceAccount');
    expect(accounts.map(({ metadata }) => metadata.name)).toEqual([pod.serviceAccountName]);
    const volumes = (pod.volumes ?? []).map(({ name }) => name);
    const mounted = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    expect([...new Set(mounted)].sort()).toEqual([...volumes].sort());
    for (const { spec } of objects[recipe].filter(({ kind }) => kind === 'Service'))
      for (const { targetPort } of spec?.ports ?? [])
        expect(containersOf(pod).flatMap(({ ports = [] }) => ports.map(({ name }) => name))).toContain(targetPort);
    // What is not in the recipe is made by hand, and the manual says how.
    const made = new Set(objects[recipe].map(({ metadata }) => metadata.name));
    const manual = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
    for (const { configMap, secret } of pod.volumes ?? []) {
      const name = configMap?.name ?? secret?.secretName;
      if (name !== undefined && !made.has(name)) expect(manual).toMatch(new RegExp(`kubectl .*create .*${name}`));
    }
  });

  test('gives no container more than it needs', () => {
    const { pod } = workload(objects[recipe]);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.shareProcessNamespace).toBe(false);
    for (const account of objects[recipe].filter(({ kind }) => kind === 'ServiceAccount'))
      expect(account.automountServiceAccountToken).toBe(false);
    for (const { securityContext, resources } of containersOf(pod)) {
      expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
      expect(resources?.limits?.memory).toMatch(/^\d+Mi$/);
    }
    for (const { hostPath, secret, projected } of pod.volumes ?? []) {
      expect(hostPath).toBeUndefined();
      expect((secret?.defaultMode ?? projected?.defaultMode ?? 0) & 0o007).toBe(0);
    }
    const exceptions = {
      'node-agent': [
        'hostNetwork',
        'addresses: runAsNonRoot',
        'addresses: runAsUser 0',
        'addresses: capability NET_ADMIN',
        'walletcreds: runAsNonRoot',
        'walletcreds: runAsUser 0',
      ],
    } as Partial<Record<Recipe, string[]>>;
    expect(restrictedFindings(pod)).toEqual(exceptions[recipe] ?? []);
    const namespace = objects[recipe].find(({ kind }) => kind === 'Namespace');
    const level = recipe === 'node-agent' ? 'privileged' : 'restricted';
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': level });
  });

  test('shows the app nothing of the sidecar but the token, and gives each a user of its own', () => {
    const { pod } = workload(objects[recipe]);
    const [sidecar, app] = [pod.initContainers?.[0], pod.containers[0]];
    if (recipe !== 'sidecar') return expect(sidecar?.restartPolicy).toBeUndefined();
    expect(sidecar?.restartPolicy).toBe('Always');
    expect(app?.volumeMounts).toEqual([{ name: 'token', mountPath: '/run/walletcreds', readOnly: true }]);
    expect(pod.volumes?.find(({ name }) => name === 'token')?.emptyDir?.medium).toBe('Memory');
    expect(app?.securityContext?.runAsUser).not.toBe(sidecar?.securityContext?.runAsUser);
  });
});

test.skipIf(because(noKubectl))('the broker lets in the pods with a sidecar, and no pods of a node agent', () => {
  const policy = objects.broker.find(({ kind }) => kind === 'NetworkPolicy');
  const label = { 'walletcreds.io/broker': 'allowed' };
  expect(JSON.stringify(policy)).toContain(JSON.stringify({ matchLabels: label }));
  const labelsOf = (recipe: Recipe) => objects[recipe].find(({ kind }) => kind === 'Namespace')?.metadata.labels;
  expect(labelsOf('sidecar')).toMatchObject(label);
  expect(labelsOf('node-agent-app')).not.toHaveProperty(['walletcreds.io/broker']);
});

test.skipIf(because(noKubectl))('every image is one’s own to name, or pinned by its digest', () => {
  const images = RECIPES.flatMap(recipe => containersOf(workload(objects[recipe]).pod).map(({ image }) => image));
  expect(images.filter(image => !/^registry\.example\.com\/|@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
});

test.skipIf(because(noKubectl))(
  'what holds an app back until the node agent has credentials asks as the app does',
  () => {
    const { pod } = workload(objects['node-agent-app']);
    const [wait, app] = [pod.initContainers?.[0], pod.containers[0]];
    for (const variable of wait?.env ?? []) expect(app?.env).toContainEqual(variable);
    expect(wait?.env).toHaveLength(2);
    expect(wait?.volumeMounts).toEqual(app?.volumeMounts);
    expect([wait?.restartPolicy, wait?.securityContext?.runAsUser]).toEqual([undefined, undefined]);
  },
);

describe.skipIf(because(noKubectl)).each(['broker', 'sidecar', 'node-agent'] as const)(
  'walletcreds.yaml of %s',
  recipe => {
    test('loads as `serve` loads it in the pod, with nothing to warn of', async () => {
      const { config, env } = await podFolder(folder(), objects[recipe]);
      const loaded = await loadConfig(config, { env });
      expect(loaded.warnings).toEqual([]);
      expect([...loaded.workloads.values()].map(({ workload }) => workload.wallet)).toEqual([
        '0x52908400098527886e0f7030069857d2e4169ee7',
      ]);
    });

    test('reads only what the pod mounts, and writes only where it can', async () => {
      const dir = folder();
      const { text } = await podFolder(dir, objects[recipe]);
      const paths = text.replace(/#.*$/gm, '').match(/(?<![\w:/])\/[\w./{}-]+/g) ?? [];
      expect(paths.length).toBeGreaterThan(2);
      for (const path of paths) expect(path.startsWith(dir), path).toBe(true);
    });
  },
);

describe.skipIf(because(noKubectl))('the recipes together', () => {
  test('agree on who is who: issuer, audience, service accounts, wallets, the broker’s name', async () => {
    const [broker, agent] = await Promise.all(
      (['broker', 'node-agent'] as const).map(async recipe => {
        const { config, env } = await podFolder(folder(), objects[recipe]);
        return loadConfig(config, { env });
      }),
    );
    const [atBroker, atAgent] = [broker?.callers.jwt[0], agent?.callers.jwt[0]];
    expect(atBroker).toMatchObject({ listeners: ['broker'], audience: 'walletcreds', allowAnyNode: true });
    expect(atAgent).toMatchObject({ listeners: ['endpoint'], audience: 'walletcreds', nodeName: 'node-1' });
    expect(atAgent?.issuer).toBe(atBroker?.issuer);
    expect(atAgent?.subjects).toEqual(atBroker?.subjects);
    const wallets = (config: typeof broker) =>
      [...(config?.workloads ?? [])].map(([name, w]) => [name, w.workload.wallet]);
    expect(wallets(agent)).toEqual(wallets(broker));
    expect(agent?.defaults).toMatchObject({ role: broker?.defaults.role, identityToken: { bearer: 'caller' } });
    const { metadata } = objects.broker.find(({ kind }) => kind === 'Service') ?? {
      metadata: { name: '', namespace: '' },
    };
    const url = `https://${metadata.name}.${metadata.namespace}.svc`;
    expect(agent?.defaults.identityToken).toMatchObject({ url });
    expect(broker?.broker?.extraHosts).toContain(new URL(url).hostname);
    for (const recipe of ['sidecar', 'node-agent-app'] as const) {
      const { pod, object } = workload(objects[recipe]);
      const subject = `system:serviceaccount:${object.metadata.namespace}:${pod.serviceAccountName}`;
      expect(Object.keys(atBroker?.subjects ?? {})).toContain(subject);
      const sources = (pod.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
      expect(sources.map(({ serviceAccountToken }) => serviceAccountToken?.audience)).toEqual(['walletcreds']);
    }
  });

  test('give an app the variables that its SDK needs, one of each kind, for an address that the recipe listens on', () => {
    const of = (recipe: Recipe) =>
      Object.fromEntries(
        workload(objects[recipe]).pod.containers[0]?.env?.map(({ name, value }) => [name, value]) ?? [],
      );
    expect(of('sidecar')).toMatchObject({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9110/v1/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/run/walletcreds/token',
    });
    expect(of('node-agent-app')).toMatchObject({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/run/secrets/walletcreds/token',
    });
    for (const recipe of ['sidecar', 'node-agent-app'] as const) {
      expect(of(recipe)).toHaveProperty('AWS_REGION');
      expect(of(recipe)).toHaveProperty('AWS_DEFAULT_REGION', '$(AWS_REGION)');
      expect(Object.keys(of(recipe)).filter(name => /RELATIVE_URI|AUTHORIZATION_TOKEN$/.test(name))).toEqual([]);
    }
  });

  test('start and probe the program as its image does', () => {
    const image = readFileSync(join(root, 'Dockerfile'), 'utf8');
    const [, check = ''] = /^HEALTHCHECK[^[]*(\[.*\])$/m.exec(image) ?? [];
    const sidecar = workload(objects.sidecar).pod.initContainers?.[0];
    expect(sidecar?.startupProbe?.exec?.command).toEqual(JSON.parse(check));
    expect(image).toContain('WALLETCREDS_CONFIG=/etc/walletcreds/walletcreds.yaml');
    for (const recipe of ['broker', 'sidecar', 'node-agent'] as const) {
      const container = containersOf(workload(objects[recipe]).pod).find(({ name }) => name === 'walletcreds');
      expect([container?.command, container?.args]).toEqual([undefined, ['serve']]);
    }
  });
});

describe.skipIf(because(noKubectl))('a pod with a mistake in it', () => {
  /** What the pod's log says, and its exit code. */
  async function said(
    recipe: 'sidecar' | 'node-agent',
    change: { annotations?: Record<string, string>; edit?: [string, string] },
  ) {
    const dir = folder();
    const { config, text, env } = await podFolder(dir, objects[recipe], change.annotations);
    if (change.edit !== undefined) {
      expect(text).toContain(change.edit[0]);
      writeFileSync(config, text.replace(...change.edit));
    }
    const { code, stderr } = await run(process.execPath, ['--', bin, 'serve', '--config', config], {
      env: cleanEnv(dir, env),
    });
    return {
      code,
      lines: stderr
        .trim()
        .split('\n')
        .map(line => line.replaceAll(dir, '')),
    };
  }

  const WALLET = 'walletcreds.io/wallet';
  test.each([
    ['a wallet with a digit missing', { [WALLET]: '0x5290840009852788' }],
    ['a wallet with a typo that its checksum finds', { [WALLET]: '0x52908400098527886E0F7030069857D2E4169Ee7' }],
    ['no annotation', {}],
  ])('says of %s in one line which key to change', async (_, annotations) => {
    const { code, lines } = await said('sidecar', { annotations });
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\/etc\/walletcreds\/walletcreds\.yaml:\d+:\d+ workloads\.app\.wallet: .+/);
  });

  test.each([
    [
      'a bad wallet in the ConfigMap',
      'node-agent',
      ['6E0F7030069857D2E4169EE7', '6e0f'],
      'workloads.scraper-a.wallet: ',
    ],
    [
      'a service account for a workload that isn’t there',
      'node-agent',
      [':scraper-a": scraper-a', ':scraper-a": scraper-b'],
      'callers.jwt.0.subjects.system:serviceaccount:scrapers:scraper-a: no such workload; did you mean "scraper-a"?',
    ],
    [
      'the API server’s audience',
      'node-agent',
      ['audience: walletcreds', 'audience: https://kubernetes.default.svc.cluster.local'],
      'callers.jwt.0.audience: the API server takes tokens for this audience too',
    ],
    ['a misspelt key', 'sidecar', ['bearer_file:', 'bearer_fil:'], 'did you mean'],
    ['a CA that isn’t mounted', 'sidecar', ['ca.crt', 'ca.pem'], 'no such file'],
  ] as const)('says of %s in one line what to change', async (_, recipe, edit, message) => {
    const { code, lines } = await said(recipe, { edit: [...edit] });
    expect(code).toBe(2);
    const line = lines.find(each => each.includes(message));
    expect(line ?? lines.join('\n')).toMatch(/^\/etc\/walletcreds\/walletcreds\.yaml:\d+:\d+ \S+: /);
  });
});

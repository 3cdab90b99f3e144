/**
 * A client that does not find the endpoint must not become the node: the machine's metadata service gives its role to
 * every process that asks. object_store (here Polars) and GDAL ask it in spite of `AWS_EC2_METADATA_DISABLED`.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { because, debian, npmClients } from '../../support/clients.ts';
import { cleanEnv, output, root, temporaryFolder } from '../../support/process.ts';

const programs = fileURLToPath(new URL('programs', import.meta.url));
const npm = await npmClients();
const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const OWN = [`${WALLET}@a`];

function noNamespaces(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a network namespace needs Linux and root';
  try {
    execFileSync('/usr/bin/unshare', ['--net', '/bin/true'], { stdio: 'ignore' });
    return debian('iproute2', 'gdal-bin') ?? npm.missing;
  } catch {
    return 'this machine gives no namespaces to root';
  }
}

interface Seen {
  readonly client: string;
  readonly form: string;
  /** Session names of those whose credentials reached S3; `node` for the node's role. */
  readonly who: readonly string[];
  /** Requests to the metadata service. */
  readonly asked: number;
}

const clients = {
  Polars: { command: [process.execPath, join(programs, 'polars.mjs'), npm.folder, 'http://S3'], env: {} },
  'GDAL 3.6': {
    command: ['/usr/bin/gdalinfo', '/vsis3/bucket/a.tif'],
    env: { AWS_S3_ENDPOINT: 'S3', AWS_HTTPS: 'NO', AWS_VIRTUAL_HOSTING: 'FALSE' },
  },
};

describe.skipIf(because(noNamespaces()))('on a node that gives its role to everybody', { timeout: 240_000 }, () => {
  let seen: Seen[];
  beforeAll(async () => {
    const folder = temporaryFolder('node-role');
    const program = [process.execPath, join(programs, 'node-role.mjs'), folder.path, JSON.stringify(clients)];
    try {
      const text = await output('/usr/bin/unshare', ['--net', ...program], {
        env: cleanEnv(folder.path),
        cwd: root,
        timeout: 200_000,
      });
      seen = text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Seen);
    } finally {
      folder.remove();
    }
  }, 240_000);
  const by = (client: keyof typeof clients, form: string) =>
    seen.find(one => one.client === client && one.form === form);

  test.each(['Polars', 'GDAL 3.6'] as const)('%s with the URI and the token alone is the node', client => {
    expect(by(client, 'bare')).toMatchObject({ who: ['node'] });
  });

  test('nothing that walletcreds sets lets a client ask the metadata service', () => {
    const ours = seen.filter(({ form }) => form !== 'bare');
    expect(ours).toHaveLength(6);
    expect(ours.filter(({ asked, who }) => asked > 0 || who.includes('node'))).toEqual([]);
  });

  test('Polars is its own wallet under exec, and with the token in a file; with the variable alone it has nothing', () => {
    expect(by('Polars', 'exec')?.who).toEqual(OWN);
    expect(by('Polars', 'env --token-file')?.who).toEqual(OWN);
    expect(by('Polars', 'env')?.who).toEqual([]);
  });

  test('GDAL 3.6, which does not know FULL_URI, has nothing', () => {
    for (const form of ['exec', 'env', 'env --token-file']) expect(by('GDAL 3.6', form)?.who).toEqual([]);
  });
});

/**
 * A pod's container as a folder: every volume as files below it, and the configuration with its paths moved there, so that
 * the very `walletcreds.yaml` of a recipe is loaded as the pod would load it.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { temporaryFolder } from '../support/process.ts';
import { type Container, type KubernetesObject, type Volume, workload } from './objects.ts';

export interface PodFolder {
  /** The moved `walletcreds.yaml`. */
  readonly config: string;
  readonly text: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where a path of the container lies in the folder. */
  at(path: string): string;
}

const POSTGRES = 'postgres://walletcreds:geheim@127.0.0.1:5432/walletcreds';

/** @param root an empty folder; @param annotations replace the pod's own */
export async function podFolder(
  root: string,
  objects: readonly KubernetesObject[],
  annotations?: Readonly<Record<string, string>>,
): Promise<PodFolder> {
  const { template, pod } = workload(objects);
  const container = [...(pod.initContainers ?? []), ...pod.containers].find(({ name }) => name === 'walletcreds');
  if (container === undefined) throw new Error('no container walletcreds');
  const mounts = container.volumeMounts ?? [];
  const at = (path: string) => join(root, path);
  const maps = new Map(objects.filter(({ kind }) => kind === 'ConfigMap').map(each => [each.metadata.name, each.data]));
  for (const { name, mountPath } of mounts) {
    const volume = pod.volumes?.find(each => each.name === name);
    if (volume === undefined) throw new Error(`${mountPath} mounts ${name}, which is no volume`);
    mkdirSync(at(mountPath), { recursive: true });
    for (const [file, text] of Object.entries(await contentOf(volume, maps))) {
      writeFileSync(at(join(mountPath, file)), text);
      chmodSync(at(join(mountPath, file)), volume.secret?.defaultMode ?? volume.projected?.defaultMode ?? 0o644);
    }
  }
  const original = maps.get(pod.volumes?.find(({ name }) => name === 'config')?.configMap?.name ?? '');
  const anyMount = new RegExp(`(?:${mounts.map(({ mountPath }) => mountPath).join('|')})(?=[/\\s]|$)`, 'gm');
  const moved = (original?.['walletcreds.yaml'] ?? '').replace(anyMount, path => at(path));
  writeFileSync(at('/etc/walletcreds/walletcreds.yaml'), moved);
  return {
    config: at('/etc/walletcreds/walletcreds.yaml'),
    text: moved,
    env: envOf(container, annotations ?? template.metadata.annotations ?? {}, maps),
    at,
  };
}

/** What the kubelet, or a person with the commands of the manual, puts there. */
async function contentOf(
  { configMap, secret, projected }: Volume,
  maps: ReadonlyMap<string, Readonly<Record<string, string>> | undefined>,
): Promise<Record<string, string>> {
  if (configMap !== undefined) return { ...(maps.get(configMap.name) ?? { 'ca.crt': pair().cert }) };
  if (secret?.secretName === 'walletcreds-signing-keys') return { 'key.json': await signingKey() };
  if (secret?.secretName === 'walletcreds-broker-tls') {
    const { cert, key } = pair();
    return { 'tls.crt': cert, 'tls.key': key };
  }
  if (secret?.secretName === 'walletcreds-broker-postgres') return { url: `${POSTGRES}\n` };
  if (secret !== undefined) throw new Error(`nobody says what is in ${secret.secretName}`);
  return Object.fromEntries(
    (projected?.sources ?? []).flatMap(source => [
      ...(source.serviceAccountToken ? [[source.serviceAccountToken.path, randomBytes(32).toString('hex')]] : []),
      ...(source.configMap?.items ?? []).map(({ path }) => [path, pair().cert]),
    ]),
  );
}

function envOf(
  { env = [] }: Container,
  annotations: Readonly<Record<string, string>>,
  maps: ReadonlyMap<string, Readonly<Record<string, string>> | undefined>,
): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const map = valueFrom?.configMapKeyRef;
      if (map !== undefined) return [name, maps.get(map.name)?.[map.key] ?? ''];
      const path = valueFrom?.fieldRef?.fieldPath;
      const annotation = /^metadata\.annotations\['(.*)'\]$/.exec(path ?? '')?.[1];
      // As the kubelet does: an annotation that isn't there is an empty variable.
      if (annotation !== undefined) return [name, annotations[annotation] ?? ''];
      return [name, path === 'spec.nodeName' ? 'node-1' : (value ?? '')];
    }),
  );
}

let made: { cert: string; key: string } | undefined;
function pair(): { cert: string; key: string } {
  if (made !== undefined) return made;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  made = {
    cert: selfSignedCertificate(privateKey, 'walletcreds-broker.walletcreds.svc', Date.now()),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  return made;
}

async function signingKey(): Promise<string> {
  const { path, remove } = temporaryFolder('key');
  await generateKey(join(path, 'keys'), { alg: 'ES256', purpose: 'oidc' });
  const [file = ''] = readdirSync(join(path, 'keys')).filter(name => name.endsWith('.json'));
  const text = readFileSync(join(path, 'keys', file), 'utf8');
  remove();
  return text;
}

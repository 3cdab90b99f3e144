/**
 * The recipes' objects as the tests look at them, and what can be found wrong with them: fields that Kubernetes doesn't
 * know, and what Pod Security's "restricted" level refuses.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments, type Tags } from 'yaml';
import { root } from '../support/process.ts';
import type { Schemas } from './tools.ts';

export const RECIPES = ['broker', 'sidecar', 'node-agent', 'node-agent-app'] as const;
export type Recipe = (typeof RECIPES)[number];

export interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly privileged?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type?: string };
  readonly fsGroup?: number;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly configMapKeyRef?: { readonly name: string; readonly key: string };
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: SecurityContext;
  readonly startupProbe?: { readonly exec?: { readonly command: readonly string[] } };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
}

export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  readonly emptyDir?: { readonly medium?: string };
  readonly hostPath?: object;
  readonly projected?: {
    readonly defaultMode: number;
    readonly sources: readonly {
      readonly serviceAccountToken?: { readonly path: string; readonly audience?: string };
      readonly configMap?: { readonly name: string; readonly items?: readonly { readonly path: string }[] };
    }[];
  };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: {
    readonly selector?: Readonly<Record<string, unknown>>;
    readonly podSelector?: Readonly<Record<string, unknown>>;
    readonly ports?: readonly { readonly targetPort: string }[];
    readonly template?: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
}

/** A recipe's objects, as this kubectl builds them. */
export function build(kubectl: string, recipe: Recipe): KubernetesObject[] {
  const text = execFileSync(kubectl, ['kustomize', join(root, 'deploy/kubernetes', recipe)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // To Go's parser hexadecimal digits that fit into no integer are text, and a wallet comes out without quotes.
  const customTags = (tags: Tags) => tags.filter(tag => typeof tag === 'string' || tag.format !== 'HEX');
  return parseAllDocuments(text, { customTags }).map(document => document.toJS() as KubernetesObject);
}

/** The one object of a recipe that makes pods. */
export function workload(objects: readonly KubernetesObject[]) {
  const found = objects.find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet');
  const template = found?.spec?.template;
  if (found === undefined || template === undefined) throw new Error('nothing makes pods');
  return { object: found, template, pod: template.spec };
}

export const containersOf = (pod: PodSpec): Container[] => [...(pod.initContainers ?? []), ...pod.containers];

/** Paths of the fields that the API doesn't know: a typo that the API server would drop or refuse. */
export function unknownFields({ fields }: Schemas, value: unknown, type: string, path: string): string[] {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    return (value as unknown[]).flatMap((item, i) => unknownFields({ fields } as Schemas, item, list, `${path}[${i}]`));
  }
  const known = fields(type);
  if (known === undefined || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inside]) => {
    const field = known.find(({ baseName }) => baseName === key);
    if (field === undefined) return [`${path}.${key}`];
    return unknownFields({ fields } as Schemas, inside, field.type, `${path}.${key}`);
  });
}

/** The API's type of an object: `V1Deployment`. */
export function typeOf({ apiVersion, kind }: KubernetesObject): string {
  const version = apiVersion.split('/').at(-1) ?? '';
  return `${version[0]?.toUpperCase()}${version.slice(1)}${kind}`;
}

const VOLUMES = new Set(['configMap', 'emptyDir', 'projected', 'secret', 'downwardAPI', 'persistentVolumeClaim']);

/** What the "restricted" level of the Pod Security Standards refuses, in its own terms. */
export function restrictedFindings(pod: PodSpec): string[] {
  const found: string[] = [];
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const) if (pod[key]) found.push(key);
  for (const volume of pod.volumes ?? []) {
    for (const kind of Object.keys(volume)) if (kind !== 'name' && !VOLUMES.has(kind)) found.push(`volume ${kind}`);
  }
  for (const container of containersOf(pod)) {
    const { name, securityContext: own = {} } = container;
    const context = { ...pod.securityContext, ...own };
    if (own.privileged) found.push(`${name}: privileged`);
    if (own.allowPrivilegeEscalation !== false) found.push(`${name}: allowPrivilegeEscalation`);
    if (context.runAsNonRoot !== true) found.push(`${name}: runAsNonRoot`);
    if (context.runAsUser === 0) found.push(`${name}: runAsUser 0`);
    if (!own.capabilities?.drop?.includes('ALL')) found.push(`${name}: capabilities not dropped`);
    for (const added of own.capabilities?.add ?? [])
      if (added !== 'NET_BIND_SERVICE') found.push(`${name}: capability ${added}`);
    if (context.seccompProfile?.type !== 'RuntimeDefault') found.push(`${name}: seccompProfile`);
  }
  return found;
}

/**
 * What builds and judges the recipes: Debian's kubectl 1.20, whose kustomize is the oldest that is still about, and the
 * Kubernetes schemas from the registry. Both are fetched once into a folder of their own and kept for the next run, never
 * installed: Debian's kubectl would collide with one that is there already.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { kept, keptPackages, why } from '../support/kept.ts';

const run = promisify(execFile);

/** The schemas of Kubernetes 1.30, compiled; and every known field with its type, of 1.36. */
const PACKAGES = { 'kubernetes-models': '4.5.1', '@kubernetes/client-node': '2.0.1' } as const;

/** The programs that build a kustomization: Debian's old one always, the machine's own where it has one; or why not. */
export async function kubectls(): Promise<{ programs: string[] } | { missing: string }> {
  try {
    const folder = await kept('kubernetes-client-1.20', async fresh => {
      const download = () => run('apt-get', ['download', '-q', 'kubernetes-client'], { cwd: fresh, timeout: 55_000 });
      // The archive's lists may be missing, or older than what it holds.
      await download().catch(() => run('apt-get', ['update', '-q'], { timeout: 55_000 }).then(download));
      const deb = (await readdir(fresh)).find(name => name.endsWith('.deb')) ?? '';
      await run('dpkg-deb', ['-x', deb, '.'], { cwd: fresh });
      await rm(join(fresh, deb));
    });
    const own = ['/usr/local/bin/kubectl', '/usr/bin/kubectl'].filter(file => existsSync(file));
    return { programs: [join(folder, 'usr/bin/kubectl'), ...own] };
  } catch (error) {
    return { missing: `Debian's kubernetes-client can't be had: ${why(error)}` };
  }
}

export interface FieldType {
  readonly baseName: string;
  readonly type: string;
}

export interface Schemas {
  /** Checks types, required fields and formats of one object. @throws Error naming every path that is wrong */
  validate(object: { apiVersion: string; kind: string }): void;
  /** The fields of a type of the API (`V1PodSpec`); undefined for what is no such type. */
  fields(type: string): readonly FieldType[] | undefined;
}

export async function schemas(): Promise<Schemas | { missing: string }> {
  try {
    const folder = await keptPackages(PACKAGES);
    const require = createRequire(join(folder, 'package.json'));
    // By its file: the package's own entry loads an HTTP client that a node 20 can't.
    const models = join(folder, 'node_modules/@kubernetes/client-node/dist/gen/models/all.js');
    type Model = { getAttributeTypeMap(): FieldType[] };
    const known = (await import(pathToFileURL(models).href)) as Record<string, Model>;
    type Constructor = new (object: object) => { validate(): void };
    return {
      validate({ apiVersion, kind, ...rest }) {
        const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
        const room = require(['kubernetes-models', group, version].filter(Boolean).join('/')) as Record<
          string,
          Constructor | undefined
        >;
        const Kind = room[kind];
        if (Kind === undefined) throw new Error(`no schema for ${apiVersion} ${kind}`);
        new Kind(rest).validate();
      },
      fields: type => known[type]?.getAttributeTypeMap(),
    };
  } catch (error) {
    return { missing: `the Kubernetes schemas can't be had: ${why(error)}` };
  }
}

/**
 * The recipes as somebody copies them: into a folder of their own, prepared by their script, resolved by docker-compose.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { root, temporaryFolder } from '../support/process.ts';

/** A service as docker-compose resolves it, as far as the recipes go. */
export interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly group_add?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { ipv4_address?: string; aliases?: readonly string[] } | null>>;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly restart?: string;
  readonly entrypoint?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly pid?: string;
  readonly security_opt?: readonly string[];
  readonly ulimits?: { readonly core?: number };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly volumes?: Readonly<Record<string, { driver_opts?: { o?: string; type?: string } } | null>>;
}

/** Every compose file of the repository, relative to it. */
export const RECIPES = [
  'docker-compose.yml',
  ...readdirSync(join(root, 'deploy/compose'))
    .filter(name => name.endsWith('.yml'))
    .map(name => `deploy/compose/${name}`),
];

export interface Copied {
  readonly folder: string;
  /** What docker-compose makes of a recipe: checked against its schema, everything filled in. @throws what it says */
  resolve(recipe: string): ComposeFile;
  /** One of the files that `prepare.sh` made. */
  read(file: string): string;
  remove(): void;
}

export function copyRecipes(): Copied {
  const { path: folder, remove } = temporaryFolder('compose');
  for (const name of ['docker-compose.yml', 'Dockerfile', 'deploy/compose', 'examples/scraper']) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  // The image's node and program, where that user may read them: both may be below a home that is nobody else's.
  const image = join(folder, 'image');
  mkdirSync(image);
  for (const name of ['package.json', 'dist']) cpSync(join(root, name), join(image, name), { recursive: true });
  copyFileSync(process.execPath, join(image, 'node'));
  // As somebody runs it: a user who may write nowhere else, with as much of docker as the script asks for, where the
  // container has the variables of the env file and no others.
  const engine = [
    '#!/bin/sh',
    'while [ "$1" != walletcreds ]; do [ "$1" != --env-file ] || file=$2; shift; done',
    'shift',
    `exec env -i PATH=/usr/bin:/bin $(grep -v "^#" "$file") ${join(image, 'node')} -- ${join(image, 'dist/bin.js')} "$@"`,
  ].join('\n');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/docker'), engine, { mode: 0o755 });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync('/usr/bin/chown', ['-R', '65534:65534', join(folder, 'deploy/compose')]);
  chmodSync(folder, 0o755);
  const nobody = ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  execFileSync('/usr/bin/env', [...(isRoot ? nobody : []), '/bin/sh', join(folder, 'deploy/compose/prepare.sh')], {
    env: { PATH: `${join(folder, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin` },
    stdio: 'pipe',
  });
  const resolved = new Map<string, ComposeFile>();
  return {
    folder,
    resolve(recipe) {
      const known = resolved.get(recipe);
      if (known !== undefined) return known;
      const file = join(folder, recipe);
      // `name` and `restart` under `depends_on` came into the specification after Debian's docker-compose.
      const text = readFileSync(join(root, recipe), 'utf8')
        .replace(/^name: .*\n/m, '')
        .replaceAll(', restart: true', '');
      writeFileSync(file, text);
      const resolvedText = execFileSync('/usr/bin/docker-compose', ['--file', file, 'config'], {
        cwd: dirname(file),
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin', HOME: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const made = parse(resolvedText) as ComposeFile;
      resolved.set(recipe, made);
      return made;
    },
    read: file => readFileSync(join(folder, 'deploy/compose', file), 'utf8'),
    remove,
  };
}

/**
 * `walletcreds init`: a configuration to start from, a signing key and the token files. It never overwrites anything.
 *
 * @module
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { TEMPLATE } from '../../config/template.ts';
import { generateKey } from '../../identity-token/keys/index.ts';
import { UsageError } from '../../lib/errors.ts';
import { makeFolder } from '../../lib/files/make-folder.ts';
import { schemaUrl } from '../../package.ts';
import type { Io, Run } from '../io.ts';
import { withExamples } from '../options.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds init --dir /etc/walletcreds')
    .description('Writes a configuration to start from, a signing key and token files. It never overwrites anything.')
    .option('--dir <DIR>', 'the folder to write to', '.')
    .action(
      run(async ({ dir }: { dir: string }) => {
        await init({ dir, log: io.out, env: io.env });
        return 0;
      }),
    );
}

export interface InitOptions {
  /** The folder to write to; made if it is missing. */
  readonly dir: string;
  /** Takes one line each of what was made, what was there, and what comes next. */
  readonly log: (line: string) => void;
  /** Default the process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * @throws ConfigError if an existing configuration is wrong
 * @throws UsageError if the folder can't be written
 */
export async function init(options: InitOptions): Promise<void> {
  const { dir, log, env = process.env } = options;
  const file = join(dir, 'walletcreds.yaml');
  const told = (path: string) => relative(process.cwd(), path) || '.';
  writeTemplate(dir, file, path => log(path));

  // Loading makes the missing tokens, so the first load only looks which exist.
  const before = await loadConfig(file, { env, purpose: 'inspect' });
  const config = await loadConfig(file, { env });
  for (const path of tokenFiles(config)) log(`${before.sources.found(path) ? 'exists ' : 'wrote  '} ${told(path)}`);

  const { identityToken } = config.defaults;
  if (identityToken.kind === 'signer') {
    const { keysDir } = identityToken;
    const keys = existsSync(keysDir) ? readdirSync(keysDir).filter(name => name.endsWith('.json')) : [];
    for (const key of keys) log(`exists  ${told(join(keysDir, key))}`);
    if (keys.length === 0) {
      const made = await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
      log(`wrote   ${told(made.file)}`);
    }
  }
  const keysDirs = identityToken.kind === 'signer' ? [identityToken.keysDir] : [];
  const here = resolve(dir);
  const tokens = tokenFiles(config).map(path => (dirname(path) === here ? path : dirname(path)));
  hideFromGit(here, [...keysDirs, ...tokens], log);
  log('');
  log(`Next: set region, role_arn, issuer and the wallets in ${told(file)}, then`);
  log(`  walletcreds keys jwks --config ${told(file)} --out public    writes the issuer's two documents`);
  log(`  walletcreds aws-setup --config ${told(file)} --bucket BUCKET    prints what the account needs`);
  log(`  walletcreds serve --config ${told(file)}`);
}

/** Keeps the key and the tokens out of a git repository. */
function hideFromGit(dir: string, paths: readonly string[], log: (line: string) => void): void {
  const own = [...new Set(paths.map(path => relative(dir, path)))].filter(path => !path.startsWith('..'));
  if (own.length === 0 || !inRepository(dir)) return;
  const file = join(dir, '.gitignore');
  try {
    writeFileSync(file, [...own.map(path => `/${path}`), '/audit.sqlite*', ''].join('\n'), { flag: 'wx' });
    log(`wrote   ${relative(process.cwd(), file)}`);
  } catch {
    log(`Keep out of git: ${own.join(', ')}`);
  }
}

function inRepository(dir: string): boolean {
  return existsSync(join(dir, '.git')) || (dirname(dir) !== dir && inRepository(dirname(dir)));
}

function writeTemplate(dir: string, file: string, log: (line: string) => void): void {
  const name = relative(process.cwd(), file) || file;
  try {
    makeFolder(dir);
    // `wx` also keeps a file that appeared meanwhile.
    writeFileSync(file, `# yaml-language-server: $schema=${schemaUrl}\n${TEMPLATE}`, { flag: 'wx', mode: 0o644 });
    log(`wrote   ${name}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new UsageError(`${name} can't be written (${code ?? 'unknown error'}); choose another folder`);
    if (!existsSync(file)) throw new UsageError(`${dir} is no folder; choose another`);
    log(`exists  ${name}`);
  }
}

/** The token files that loading makes if they are missing. */
function tokenFiles(config: Awaited<ReturnType<typeof loadConfig>>): readonly string[] {
  const files = [...config.workloads.values()].flatMap(({ token, relativeUri }) => [token?.file, relativeUri?.idFile]);
  return [...files, config.admin.token?.file].filter(file => file !== undefined);
}

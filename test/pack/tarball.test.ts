/**
 * The packed tarball in an empty folder: what somebody has who installed the package and knows nothing of this repository.
 *
 * @module
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { because } from '../support/clients.ts';
import { cleanEnv, output, root, run, temporaryFolder } from '../support/process.ts';
import { read } from '../support/repository.ts';

const manifest = JSON.parse(read('package.json')) as { version: string; files: string[] };
const folder = temporaryFolder('pack');
const npmEnv = process.env as Record<string, string>;

/** Installs the tarball; the reason why it can't be tried here, if npm can't fetch the one package it depends on. */
async function install(): Promise<string | undefined> {
  // In a copy, since packing in the repository rewrites its manifest for a moment.
  const stage = join(folder.path, 'stage');
  mkdirSync(stage);
  const shipped = manifest.files.map(path => path.split('/')[0] ?? path);
  for (const name of new Set([...shipped, 'LICENSE', 'README.md']))
    cpSync(join(root, name), join(stage, name), { recursive: true });
  await output(process.execPath, ['scripts/manifest.mjs', 'reduce', stage], { env: npmEnv, cwd: root });
  const packed = await output('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder.path], {
    env: npmEnv,
    cwd: stage,
  });
  writeFileSync(join(folder.path, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=1'];
  const { code, stderr } = await run('npm', ['install', ...flags, `./${packed.trim()}`], {
    env: npmEnv,
    cwd: folder.path,
    timeout: 120_000,
  });
  if (code === 0) return undefined;
  if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH/.test(stderr))
    return 'no npm registry to fetch libsql from';
  throw new Error(stderr);
}
const missing = await install();
afterAll(() => folder.remove());

let env: Record<string, string> = {};
beforeAll(() => {
  mkdirSync(join(folder.path, 'home'));
  env = cleanEnv(join(folder.path, 'home'));
});
const walletcreds = (...args: string[]) =>
  run(join(folder.path, 'node_modules/.bin/walletcreds'), args, { env, cwd: folder.path });

describe.skipIf(because(missing))('the installed program', () => {
  test('says its version', async () => {
    expect(await walletcreds('--version')).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
  });

  test('says what it can do', async () => {
    const { code, stdout } = await walletcreds('--help');
    expect(code).toBe(0);
    for (const command of ['serve', 'dev', 'init', 'env', 'keys', 'credentials', 'healthcheck'])
      expect(stdout).toContain(command);
  });

  test('refuses an unknown command with status 2 and one line that helps', async () => {
    const { code, stderr } = await walletcreds('sevre');
    expect(code).toBe(2);
    expect(stderr).toContain('serve');
  });

  test('makes a configuration that serve can start from', async () => {
    expect((await walletcreds('init')).code).toBe(0);
    const { code, stdout } = await walletcreds('env', 'demo').then(async first =>
      first.code === 0 ? first : walletcreds('env', 'scraper-a'),
    );
    expect(code).toBe(0);
    expect(stdout).toContain('AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9110/v1/credentials');
  });
});

describe.skipIf(because(missing))('the installed package', () => {
  test('installs libsql and nothing else that is bundled', () => {
    const installed = readdirSync(join(folder.path, 'node_modules')).filter(name => !name.startsWith('.'));
    expect(installed.sort()).toEqual(['@libsql', '@neon-rs', 'detect-libc', 'libsql', 'walletcreds']);
  });

  test('declares neither development dependencies nor scripts', () => {
    const text = readFileSync(join(folder.path, 'node_modules/walletcreds/package.json'), 'utf8');
    const published = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(published)).not.toEqual(expect.arrayContaining(['devDependencies']));
    expect(published).not.toHaveProperty('scripts');
    expect(published).toMatchObject({ name: 'walletcreds', dependencies: { libsql: expect.any(String) } });
  });
});

describe.skipIf(because(missing))('the installed library', () => {
  const node = (file: string, program: string) => {
    writeFileSync(join(folder.path, file), program);
    return run(process.execPath, [file], { env, cwd: folder.path });
  };
  test('has examples that run as they are: by import, by require, and in vitest', async () => {
    const written = await output(process.execPath, ['scripts/doc-examples.mjs', 'docs/library.md', folder.path], {
      env,
      cwd: root,
    });
    expect(written.trim().split('\n')).toEqual(
      expect.arrayContaining(['example.mjs', 'example.cjs', 'example.test.mjs']),
    );
    const variables = expect.stringMatching(
      /^AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN .*\n$/,
    );
    for (const file of ['example.mjs', 'example.cjs'])
      expect(await run(process.execPath, [file], { env, cwd: folder.path })).toMatchObject({
        code: 0,
        stdout: variables,
        stderr: '',
      });
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    // As a user has it: in the node_modules of the program under test.
    symlinkSync(join(root, 'node_modules/vitest'), join(folder.path, 'node_modules/vitest'));
    const tested = await run(process.execPath, [vitest, 'run', '--root', folder.path], { env, cwd: folder.path });
    expect(tested).toMatchObject({ code: 0, stdout: expect.stringMatching(/Tests\s+1 passed/) });
  });

  test('shows the caller’s own line and the message for an uncaught ConfigError, and nothing of its inside', async () => {
    const program = "import { createSidecar } from 'walletcreds';\nawait createSidecar({ config: { rolearn: 1 } });\n";
    const { code, stderr } = await node('wrong.mjs', program);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\S+wrong\.mjs:2\nawait createSidecar.*\n.*\^\n\nConfigError: configuration /);
    expect(stderr).not.toMatch(/dist\/index\.js|problems:|sources:/);
    expect(stderr.length).toBeLessThan(2_000);
  });

  test('gives a sidecar and an STS emulator', async () => {
    const program = `import { createSidecar, startStsEmulator } from 'walletcreds';
      console.log(typeof createSidecar, typeof startStsEmulator);`;
    writeFileSync(join(folder.path, 'use.js'), program);
    expect(await output(process.execPath, ['use.js'], { env, cwd: folder.path })).toBe('function function\n');
  });

  test('has types that a strict program compiles against, with no package of its own but those of node', async () => {
    const program = `import { createSidecar, startStsEmulator } from 'walletcreds';
      export async function start(options: Parameters<typeof createSidecar>[0]): Promise<void> {
        const emulator = await startStsEmulator();
        const sidecar = await createSidecar(options);
        await sidecar.close();
        await emulator.close();
      }
      // @ts-expect-error: a sidecar needs a configuration
      void createSidecar(7);\n`;
    writeFileSync(join(folder.path, 'use.ts'), program);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2022',
      module: 'nodenext',
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    expect(await run(process.execPath, [tsc, '-p', '.'], { env, cwd: folder.path })).toMatchObject({
      code: 0,
      stdout: '',
    });
  });
});

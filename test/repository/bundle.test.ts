/**
 * What the built program holds and what it loads when.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bin, cleanEnv, root, run, temporaryFolder } from '../support/process.ts';
import { metafile, packed, read } from '../support/repository.ts';

type Outputs = Awaited<ReturnType<typeof metafile>>['outputs'];
let outputs: Outputs = {};
beforeAll(async () => {
  ({ outputs } = await metafile());
});

/** Every source in the chunks that are reached from one, by static imports alone or by those that load later too. */
function reached(start: string, lazily: boolean): string[] {
  const chunks = new Set<string>();
  const visit = (path: string) => {
    if (chunks.has(path)) return;
    chunks.add(path);
    for (const { path: next, kind, external } of outputs[path]?.imports ?? [])
      if (!external && (lazily || kind === 'import-statement')) visit(next);
  };
  visit(start);
  return [...chunks].flatMap(path => Object.keys(outputs[path]?.inputs ?? {})).sort();
}

const chunkOf = (source: string) =>
  Object.keys(outputs).find(path => outputs[path]?.entryPoint === source) ??
  expect.fail(`no chunk of its own: ${source}`);

/** Its name in dist/. */
const serveScript = () =>
  readdirSync(join(root, 'dist')).find(name => /^serve-[0-9a-f]{16}\.js$/.test(name)) ?? expect.fail('no script');

describe('`serve`', () => {
  // As a start that nobody asked for by name would load it, and as one script.
  const ways = () => [
    ...reached(chunkOf('src/cli/commands/serve.ts'), true),
    ...reached(chunkOf('src/cli/main-serve.ts'), true),
  ];

  test('has no STS emulator in anything it can load', () => {
    const sources = [...ways(), ...reached('dist/bin.js', true)];
    expect(sources.filter(source => source === 'src/server/sidecar.ts')).toHaveLength(2);
    expect(sources.filter(source => source.startsWith('src/emulator/'))).toEqual([]);
    expect(sources.filter(source => source.startsWith('src/cli/commands/dev/'))).toEqual([]);
  });

  test('loads no policy writer, no `init` and no `doctor`', () => {
    expect(
      ways().filter(source => /^src\/aws\/(?!iam\/)|^src\/cli\/commands\/(init|doctor|aws-setup)/.test(source)),
    ).toEqual([]);
  });

  test('starts from what V8 compiled of it at the build, and by a V8 that has other flags without', () => {
    const file = serveScript();
    const asked = `
      const { readFileSync } = require('node:fs');
      const [filename] = process.argv.slice(1);
      const cachedData = readFileSync(filename + '.cache').subarray(32);
      const script = new (require('node:vm').Script)(readFileSync(filename, 'latin1'), { filename, cachedData });
      console.log(script.cachedDataRejected);`;
    const rejected = (...flags: string[]) =>
      execFileSync(process.execPath, [...flags, '-e', asked, join(root, 'dist', file)], { encoding: 'utf8' }).trim();
    expect(rejected()).toBe('false');
    expect(rejected('--no-lazy')).toBe('true');
  });

  test('is named by its content, so that no other build’s compiled code is taken for it', () => {
    const file = serveScript();
    const digest = createHash('sha256')
      .update(readFileSync(join(root, 'dist', file)))
      .digest('hex');
    expect(file).toBe(`serve-${digest.slice(0, 16)}.js`);
  });
});

test('`serve` by its name and not by the short way starts without what it may need later', () => {
  const sources = [...reached(chunkOf('src/cli/serving.ts'), false), ...reached(chunkOf('src/cli/main.ts'), false)];
  expect(sources).toContain('src/server/sidecar.ts');
  const later = /node_modules\/(@aws-sdk|@smithy|prom-client|@opentelemetry|@hono\/node-server|pg|libsql)\//;
  expect(sources.filter(source => later.test(source))).toEqual([]);
});

test('the entry module loads little before it knows its verb', () => {
  const sources = reached('dist/bin.js', false);
  expect(sources.filter(source => source.startsWith('node_modules/'))).toEqual([]);
  expect(read('dist/bin.js').length).toBeLessThan(5_000);
});

test('the entry module takes SIGUSR1 away from node’s debugger before it loads anything', () => {
  const folder = temporaryFolder('order');
  const watch = join(folder.path, 'watch.cjs');
  writeFileSync(
    watch,
    `const Module = require('node:module');
     const { _load } = Module;
     const { on } = process;
     const { writeSync } = require('node:fs');
     const said = what => writeSync(1, what + '\\n');
     Module._load = (name, ...rest) => (said(name), _load(name, ...rest));
     process.on = (name, ...rest) => (said(name), on.call(process, name, ...rest));`,
  );
  const said = execFileSync(process.execPath, ['-r', watch, '--', bin, '--version'], { encoding: 'utf8' }).split('\n');
  folder.remove();
  // The one before it is loaded in any process, by node itself.
  const loaded = said.slice(said.indexOf(bin) + 1);
  expect(loaded.slice(0, 2)).toEqual(['node:url', 'SIGUSR1']);
});

describe('the tarball', () => {
  test('ships what users need and nothing else', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/[\w-]+\.md|dist\/[\w-]+\.[cm]?js|dist\/(types\/)?package\.json|dist\/serve-\w+\.js\.cache|dist\/THIRD-PARTY-LICENSES\.txt|dist\/types\/.+\.d\.ts)$/;
    expect(packed().filter(path => !allowed.test(path))).toEqual([]);
  });

  test('has the program, the library with its types, the licences, and what changed', () => {
    const wanted = ['dist/bin.js', 'dist/index.mjs', 'dist/types/index.d.ts', 'dist/THIRD-PARTY-LICENSES.txt'];
    expect(packed()).toEqual(
      expect.arrayContaining([...wanted, 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']),
    );
  });

  test('has a program that starts by its own name and takes options that node knows too', async () => {
    const folder = temporaryFolder('bin');
    symlinkSync(bin, join(folder.path, 'walletcreds'));
    const env = cleanEnv(folder.path);
    const { code, stderr } = await run(join(folder.path, 'walletcreds'), ['nothing', '--env-file', 'absent'], { env });
    folder.remove();
    // Node itself would say 9 and "not found".
    expect([code, stderr]).toEqual([2, expect.stringContaining('unknown command')]);
  });
});

/**
 * What the built program holds and what it loads when.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bin, cleanEnv, run, temporaryFolder } from '../support/process.ts';
import { metafile, packed, read } from '../support/repository.ts';

type Metafile = Awaited<ReturnType<typeof metafile>>;
let outputs: Metafile['outputs'] = {};
let inputs: Metafile['inputs'] = {};
beforeAll(async () => {
  ({ outputs, inputs } = await metafile());
});

/** Every source that is reached from one, by static imports alone or by those that load later too. */
function reached(start: string, lazily: boolean): string[] {
  const sources = new Set<string>();
  const visit = (path: string) => {
    if (sources.has(path)) return;
    sources.add(path);
    for (const { path: next, kind, external } of inputs[path]?.imports ?? [])
      if (!external && (lazily || kind !== 'dynamic-import')) visit(next);
  };
  visit(start);
  return [...sources].sort();
}

describe('`serve`', () => {
  const serve = (lazily: boolean) => reached('src/cli/commands/serve.ts', lazily);

  test('has no STS emulator in anything it can load', () => {
    expect(serve(true)).toContain('src/server/sidecar.ts');
    expect(serve(true).filter(source => /^src\/(emulator|cli\/commands\/dev)\//.test(source))).toEqual([]);
  });

  test('loads no policy writer, no `init` and no `doctor`', () => {
    const others = /^src\/aws\/(?!iam\/)|^src\/cli\/commands\/(init|doctor|aws-setup)/;
    expect(serve(true).filter(source => others.test(source))).toEqual([]);
  });

  test('starts without the packages that it may need later', () => {
    const first = ['src/cli/main.ts', 'src/cli/commands/serve.ts'];
    const sources = first.flatMap(source => reached(source, false));
    expect(sources).toContain('src/server/sidecar.ts');
    const later = /node_modules\/(@aws-sdk|@smithy|prom-client|@opentelemetry|@hono\/node-server|pg|libsql)\//;
    expect(sources.filter(source => later.test(source))).toEqual([]);
  });
});

test('the entry module loads nothing before it has handled SIGUSR1', () => {
  expect(Object.keys(outputs['dist/bin.js']?.inputs ?? {})).toEqual(['src/bin.ts']);
  expect(reached('src/bin.ts', false)).toEqual(['src/bin.ts']);
  expect(read('dist/bin.js').length).toBeLessThan(5_000);
});

test('no provider of AWS credentials ships', () => {
  const shipped = Object.values(outputs).flatMap(output => Object.keys(output.inputs));
  expect(shipped).toContain('src/credentials/sts/no-credential-provider.ts');
  const provider = /@aws-sdk\/(credential-provider|credential-providers|token-providers)|@smithy\/credential-provider/;
  expect(shipped.filter(input => provider.test(input))).toEqual([]);
});

test('the entry module’s first statement takes SIGUSR1 away from node’s debugger', () => {
  const folder = temporaryFolder('order');
  const watch = join(folder.path, 'watch.cjs');
  writeFileSync(
    watch,
    `const { on, getBuiltinModule } = process;
     const said = what => require('node:fs').writeSync(1, what + '\\n');
     process.getBuiltinModule = name => (said(name), getBuiltinModule(name));
     process.on = (name, ...rest) => (said(name), on.call(process, name, ...rest));`,
  );
  const said = execFileSync(process.execPath, ['-r', watch, bin, '--version'], { encoding: 'utf8' }).split('\n');
  folder.remove();
  expect(said[0]).toBe('SIGUSR1');
});

test('every file of the program is strict code, of one byte a character', () => {
  const files = Object.keys(outputs).filter(path => path.endsWith('.js'));
  expect(files).toContain('dist/main.js');
  for (const path of files) {
    const text = read(path).replace(/^#!.*\n/, '');
    expect(text).toMatch(/^'use strict';\n/);
    expect(Buffer.byteLength(text)).toBe(text.length);
  }
});

describe('the tarball', () => {
  test('ships what users need and nothing else', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/[\w-]+\.md|schema\/[\w.]+\.json|dist\/(bin|main|index|audit-worker)\.js|dist\/package\.json|dist\/THIRD-PARTY-LICENSES\.txt|dist\/index\.d\.ts)$/;
    expect(packed().filter(path => !allowed.test(path))).toEqual([]);
  });

  test('has the program, the library with its types, the JSON schema, the licences and the changelog', () => {
    const wanted = [
      'schema/walletcreds.schema.json',
      'dist/bin.js',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/THIRD-PARTY-LICENSES.txt',
    ];
    expect(packed()).toEqual(
      expect.arrayContaining([...wanted, 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']),
    );
  });

  test('has a program that starts by its own name', async () => {
    const folder = temporaryFolder('bin');
    symlinkSync(bin, join(folder.path, 'walletcreds'));
    const { code, stderr } = await run(join(folder.path, 'walletcreds'), ['nothing'], { env: cleanEnv(folder.path) });
    folder.remove();
    expect([code, stderr]).toEqual([2, expect.stringContaining('unknown command')]);
  });
});

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

describe('`serve`', () => {
  const serve = (lazily: boolean) => reached(chunkOf('src/cli/commands/serve.ts'), lazily);

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
    const sources = first.flatMap(source => reached(chunkOf(source), false));
    expect(sources).toContain('src/server/sidecar.ts');
    const later = /node_modules\/(@aws-sdk|@smithy|prom-client|@opentelemetry|@hono\/node-server|pg|libsql)\//;
    expect(sources.filter(source => later.test(source))).toEqual([]);
  });
});

test('the entry module loads nothing before it has handled SIGUSR1', () => {
  expect(reached('dist/bin.js', false)).toEqual(['src/bin.ts']);
  expect(read('dist/bin.js').length).toBeLessThan(5_000);
});

test('no provider of AWS credentials ships', () => {
  const inputs = Object.values(outputs).flatMap(output => Object.keys(output.inputs));
  expect(inputs).toContain('src/credentials/sts/no-credential-provider.ts');
  const provider = /@aws-sdk\/(credential-provider|credential-providers|token-providers)|@smithy\/credential-provider/;
  expect(inputs.filter(input => provider.test(input))).toEqual([]);
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
  // Node itself listens to `exit` before it loads an ES module.
  expect(said.find(what => what !== 'exit')).toBe('SIGUSR1');
});

describe('the tarball', () => {
  test('ships what users need and nothing else', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/[\w-]+\.md|schema\/[\w.]+\.json|dist\/[\w-]+\.[cm]?js|dist\/THIRD-PARTY-LICENSES\.txt|dist\/index\.d\.cts)$/;
    expect(packed().filter(path => !allowed.test(path))).toEqual([]);
  });

  test('has the program, the library with its types, the JSON schema, the licences and the changelog', () => {
    const wanted = [
      'schema/walletcreds.schema.json',
      'dist/bin.js',
      'dist/index.cjs',
      'dist/index.d.cts',
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

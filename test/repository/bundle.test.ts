/**
 * What the built program holds and what it loads when.
 *
 * @module
 */
import { symlinkSync } from 'node:fs';
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
  test('has no STS emulator in anything it can load', () => {
    const sources = [...reached(chunkOf('src/cli/serve.ts'), true), ...reached('dist/bin.js', false)];
    expect(sources).toContain('src/sidecar.ts');
    expect(sources.filter(source => source.startsWith('src/emulator/'))).toEqual([]);
    expect(sources.filter(source => source.startsWith('src/cli/dev'))).toEqual([]);
  });

  test('loads no policy writer, no `init` and no `doctor`', () => {
    const sources = reached(chunkOf('src/cli/serve.ts'), true);
    expect(sources.filter(source => /^src\/federation\/|^src\/cli\/(init|doctor|aws-setup)/.test(source))).toEqual([]);
  });
});

test('`serve` starts without what it may need later: SDK, metrics, web-standard HTTP, PostgreSQL', () => {
  const sources = [...reached(chunkOf('src/cli/serving.ts'), false), ...reached(chunkOf('src/cli/main.ts'), false)];
  expect(sources).toContain('src/sidecar.ts');
  const later = /node_modules\/(@aws-sdk|@smithy|prom-client|@opentelemetry|@hono\/node-server|pg|libsql)\//;
  expect(sources.filter(source => later.test(source))).toEqual([]);
});

test('the entry module loads little before it knows its verb', () => {
  const sources = reached('dist/bin.js', false);
  expect(sources.filter(source => source.startsWith('node_modules/'))).toEqual([]);
  expect(read('dist/bin.js').length).toBeLessThan(20_000);
});

describe('the tarball', () => {
  test('ships what users need and nothing else', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w-]+\.js|dist\/THIRD-PARTY-LICENSES\.txt|dist\/types\/.+\.d\.ts)$/;
    expect(packed().filter(path => !allowed.test(path))).toEqual([]);
  });

  test('has the program, the library with its types, the licences, and what changed', () => {
    const wanted = ['dist/bin.js', 'dist/index.js', 'dist/types/index.d.ts', 'dist/THIRD-PARTY-LICENSES.txt'];
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

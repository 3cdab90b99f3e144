import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { compiledCode, loadScript } from '../../src/cli/load-script.ts';
import { temporaryFolder } from '../support/process.ts';

const SOURCE = `(function(exports,require,module,__filename,__dirname){
  module.exports = { sum: (a, b) => a + b, sep: require('node:path').sep, __filename, __dirname };
})`;

/** As the build writes it: with its hash in front. */
function built(): Buffer {
  const compiled = new Script(SOURCE).createCachedData();
  return Buffer.concat([createHash('sha256').update(compiled).digest(), compiled]);
}

test.each([
  ['no compiled code', undefined],
  ['compiled code', built],
  ['compiled code that is cut off', () => built().subarray(0, 90)],
  ['compiled code in which a bit has changed', () => built().map((byte, i) => (i === 200 ? byte ^ 1 : byte))],
  ['something else in its place', () => Buffer.from('not what V8 wrote')],
  ['an empty file', () => Buffer.alloc(0)],
])('a script with %s beside it gives what it exports', (_, compiled) => {
  const folder = temporaryFolder('script');
  const file = `${folder.path}/some.js`;
  writeFileSync(file, SOURCE);
  if (compiled !== undefined) writeFileSync(`${file}.cache`, compiled());
  const exported = loadScript(pathToFileURL(file)) as { sum(a: number, b: number): number };
  expect(exported).toMatchObject({ sep: '/', __filename: file, __dirname: folder.path });
  expect(exported.sum(1, 2)).toBe(3);
  folder.remove();
});

test('compiled code is handed to V8 only as the build wrote it', () => {
  const folder = temporaryFolder('script');
  const file = `${folder.path}/some.js`;
  writeFileSync(file, SOURCE);
  const given = () => compiledCode(`${file}.cache`);
  expect(given()).toBeUndefined();
  writeFileSync(`${file}.cache`, built());
  expect(given()).toEqual(built().subarray(32));
  for (const at of [0, 31, 32, 40, built().length - 1]) {
    writeFileSync(
      `${file}.cache`,
      built().map((byte, i) => (i === at ? byte ^ 1 : byte)),
    );
    expect(given(), `byte ${at}`).toBeUndefined();
  }
  folder.remove();
});

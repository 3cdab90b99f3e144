import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { loadScript } from '../../src/cli/load-script.ts';
import { temporaryFolder } from '../support/process.ts';

const SOURCE = `(function(exports,require,module,__filename,__dirname){
  module.exports = { sum: (a, b) => a + b, sep: require('node:path').sep, __filename, __dirname };
})`;

test.each([
  ['no compiled code', undefined],
  ['compiled code', () => new Script(SOURCE).createCachedData()],
  ['compiled code that is cut off', () => new Script(SOURCE).createCachedData().subarray(0, 40)],
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

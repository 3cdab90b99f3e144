/**
 * What the Dockerfile says, read as text. That it builds and what comes of it: `npm run test:image`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/process.ts';

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

test('the Dockerfile names every base by digest, and both in one place', () => {
  const bases = [...dockerfile.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)];
  expect(bases.map(([, , image]) => image).filter(image => !/@sha256:[0-9a-f]{64}$/.test(image ?? ''))).toEqual([]);
  const used = [...dockerfile.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, image]) => image);
  expect(used).toEqual(bases.map(([, name]) => `\${${name}}`));
});

test('the Dockerfile lets nothing into the build but sources, so that no secret and no state gets into a layer', () => {
  const [first, ...rules] = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));
  expect(first).toBe('*');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) => files.split(' '));
  expect(rules.sort()).toEqual(copied.map(file => `!${file}`).sort());
});

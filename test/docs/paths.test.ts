import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/process.ts';
import { files, read } from '../support/repository.ts';

const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...files('docs', '.md'), ...files('deploy', '.md')];

test.each(pages)('every file and page that %s names exists', page => {
  const text = read(page);
  const named = [...text.matchAll(/`((?:src|test|deploy|scripts)\/[\w./-]*)`/g)].map(([, path = '']) => path);
  const linked = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, path = '']) =>
    normalize(join(dirname(page), path)),
  );
  expect([...named, ...linked].filter(path => !existsSync(join(root, path)))).toEqual([]);
});

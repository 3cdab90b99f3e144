/**
 * `walletcreds explain`: every code of the page, from the files of the package alone.
 *
 * @module
 */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { codeUrl } from '../../src/package.ts';
import { read } from '../support/repository.ts';
import { runCommand as walletcreds } from '../support/serve-process.ts';

const explain = (...args: string[]) => walletcreds(['explain', ...args], tmpdir());
const codes = [...read('docs/symptoms.md').matchAll(/<a id="([^"]+)">/g)].map(([, code = '']) => code);

test('lists every code of docs/symptoms.md with its title', async () => {
  const { code, stdout } = await explain();
  expect(code).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0]),
  ).toEqual(codes);
  const listed = JSON.parse((await explain('--json')).stdout) as { code: string; title: string }[];
  expect(listed.filter(({ code, title }) => !codes.includes(code) || title === '')).toEqual([]);
});

test('prints cause, fix and the full link of a code, in plain text and without a neighbour’s', async () => {
  const { code, stdout } = await explain('role-broad');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^role-broad: .+\n\nCause\. .+\n\nFix\. .+\n\nSee \S+\n$/);
  expect(stdout).toContain(`See ${codeUrl('role-broad')}\n`);
  expect(stdout).not.toMatch(/\*\*|`|<a id|\]\(|###/);
});

test('has a cause and a fix for every code', async () => {
  const texts = await Promise.all(
    codes
      .slice(0, 1)
      .concat(codes.slice(-1))
      .map(each => explain(each)),
  );
  for (const { stdout } of texts) expect(stdout).toMatch(/Cause\. [\s\S]+Fix\. /);
});

test('takes the code of an answer, in any case', async () => {
  expect((await explain('invalidauthorizationtoken')).stdout).toMatch(/^InvalidAuthorizationToken: /);
});

test('exits with 2 for an unknown code and names the nearest', async () => {
  expect(await explain('role-braod')).toMatchObject({ code: 2, stderr: expect.stringContaining('role-broad') });
  expect(await explain('xyz')).toMatchObject({ code: 2, stderr: expect.stringContaining('walletcreds explain') });
});

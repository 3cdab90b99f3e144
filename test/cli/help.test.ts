/**
 * The help of every command.
 *
 * @module
 */
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { homepage } from '../../src/package.ts';
import { longSentences } from '../support/prose.ts';
import { read } from '../support/repository.ts';
import { runCommand as walletcreds } from '../support/serve-process.ts';

const help = async (...args: string[]) => walletcreds(args, tmpdir());

/** The names under "Commands:". */
const namesIn = (text: string) =>
  [...(text.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);

const top = await help('--help');
const commands = namesIn(top.stdout).filter(name => name !== 'help');
const nested = await Promise.all(
  ['keys', 'audit'].map(async name => namesIn((await help(name, '--help')).stdout).map(child => [name, child])),
);
const all: string[][] = [...commands.map(name => [name]), ...nested.flat()];

test('the help lists every command of the public surface', () => {
  expect(commands).toEqual(expect.arrayContaining(['serve', 'dev', 'init', 'env', 'keys', 'exec', 'credentials']));
  expect(commands).toEqual(
    expect.arrayContaining(['aws-setup', 'verify', 'doctor', 'explain', 'audit', 'healthcheck']),
  );
  expect(nested.flat().length).toBeGreaterThan(9);
});

describe.each(all)('%s %s', (...args) => {
  test('has an example that begins with its name, a full link, and no empty list as a default', async () => {
    const { code, stdout } = await help(...args.filter(Boolean), '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^Examples?:\n(  .*\n)*?  \\$ .*walletcreds ${args.filter(Boolean).join(' ')}\\b`, 'm'),
    );
    expect(stdout).toContain(`More: ${homepage}/blob/main/docs/`);
    expect(stdout).not.toContain('default: []');
  });

  test('says at most 25 words in a sentence', async () => {
    const { stdout } = await help(...args.filter(Boolean), '--help');
    expect(longSentences(stdout.replaceAll(/\n {8,}/g, ' '), 25)).toEqual([]);
  });

  test('is the same by `help`', async () => {
    const named = args.filter(Boolean);
    expect(await help('help', ...named)).toEqual(await help(...named, '--help'));
  });
});

test('the link of each help is to a page that exists', async () => {
  const pages = await Promise.all(
    all.map(async args => (await help(...args, '--help')).stdout.match(/docs\/(\S+)/)?.[1]),
  );
  for (const page of new Set(pages)) expect(read(`docs/${page}`)).not.toBe('');
});

test('`help` alone is the help, and of a command that is unknown an error with the nearest', async () => {
  expect(await help('help')).toEqual(top);
  expect(await help('help', 'sevre')).toMatchObject({ code: 2, stderr: expect.stringContaining('serve') });
});

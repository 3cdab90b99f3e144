import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writePrivateToken } from '../../src/cli/private-token.ts';
import { temporaryFolder } from '../support/process.ts';

let parent: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  parent = temporaryFolder('private-token');
});
afterEach(() => parent.remove());

/** A number that no process has: beyond the kernel's largest. */
const ENDED = 4_194_305;
const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
const abandoned = (pid: number, space = namespace) => join(parent.path, `walletcreds-exec-${space}-${pid}-abcdef`);

describe('the private file of a token', () => {
  test('holds the token and nothing else, for its owner alone, in a folder of its own', () => {
    const { file } = writePrivateToken('abc', parent.path);
    expect(readFileSync(file, 'utf8')).toBe('abc');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    expect(dirname(file)).not.toBe(dirname(writePrivateToken('abc', parent.path).file));
  });

  test('goes with its folder', () => {
    writePrivateToken('abc', parent.path).remove();
    expect(readdirSync(parent.path)).toEqual([]);
  });

  test('is removed at the next start where its process crashed', () => {
    mkdirSync(abandoned(ENDED));
    writeFileSync(join(abandoned(ENDED), 'token'), 'old');
    writePrivateToken('abc', parent.path).remove();
    expect(readdirSync(parent.path)).toEqual([]);
  });

  test('stays where its process runs, where that can’t be seen, and where the name is a link', () => {
    mkdirSync(abandoned(process.ppid));
    mkdirSync(abandoned(ENDED, '1'));
    mkdirSync(join(parent.path, 'another'));
    symlinkSync(join(parent.path, 'another'), abandoned(ENDED));
    writePrivateToken('abc', parent.path).remove();
    expect(readdirSync(parent.path)).toHaveLength(4);
  });
});

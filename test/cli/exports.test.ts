import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkEnvFile, clearEnvFile, envFileText, writeEnvFile } from '../../src/cli/output/env-file.ts';
import { exportsFor, shellQuoted, variablesFor } from '../../src/cli/output/shell.ts';
import { UsageError } from '../../src/lib/errors.ts';

const fullUri = 'http://127.0.0.1:9110/v1/credentials';
const region = 'eu-west-1';

describe('the exports', () => {
  it('are one URI, one token and both names of the region', () => {
    expect(exportsFor({ fullUri, token: 'abc', region })).toEqual([
      `export AWS_CONTAINER_CREDENTIALS_FULL_URI=${fullUri}`,
      'export AWS_CONTAINER_AUTHORIZATION_TOKEN=abc',
      'export AWS_REGION=eu-west-1',
      'export AWS_DEFAULT_REGION=eu-west-1',
    ]);
  });

  it('name the token’s file instead where that is asked for, and STS where it is not the region’s', () => {
    const variables = variablesFor({ fullUri, tokenFile: '/run/t', region, stsEndpoint: 'http://127.0.0.1:9111' });
    expect(variables).not.toHaveProperty('AWS_CONTAINER_AUTHORIZATION_TOKEN');
    expect(variables).toMatchObject({
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/run/t',
      AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9111',
    });
  });

  it('have no FULL_URI beside a RELATIVE_URI, and need no token then', () => {
    const variables = variablesFor({ relativeUri: '/v2/credentials/id', region });
    expect(Object.keys(variables)).toEqual([
      'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
    ]);
  });

  it.each([
    { token: 'a' },
    { fullUri, relativeUri: '/v2/x', token: 'a' },
    { fullUri },
    { fullUri, token: 'a', tokenFile: '/t' },
    { relativeUri: '', token: 'a' },
    { fullUri, token: '' },
  ])('are refused for %j: never two of one, never an empty one', options => {
    expect(() => variablesFor({ ...options, region })).toThrow(TypeError);
  });

  it('mean to a shell exactly the value, whatever is in it', () => {
    const value = fc.string({ unit: 'grapheme' }).filter(text => !text.includes('\0') && !/\p{Surrogate}/u.test(text));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), values => {
        const read = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${values.map(shellQuoted).join(' ')}`]);
        expect(read.toString().split('\0').slice(0, -1)).toEqual(values);
      }),
      { numRuns: 20 },
    );
  });
});

describe('an env file', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'env-file-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is unquoted KEY=value lines, for its owner alone, and nothing is left beside it', async () => {
    const file = join(dir, 'x.env');
    writeFileSync(file, 'OLD=1\n', { mode: 0o644 });
    await writeEnvFile(file, variablesFor({ fullUri, token: 'abc', region }));
    expect(readFileSync(file, 'utf8')).toBe(
      `AWS_CONTAINER_CREDENTIALS_FULL_URI=${fullUri}\nAWS_CONTAINER_AUTHORIZATION_TOKEN=abc\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['x.env']);
  });

  it('never holds a value that its readers take differently', () => {
    for (const value of ['', 'a b', 'a\nB=c', '"a"', "'", '$HOME', 'a#b', 'a\\', '`x`', 'é']) {
      expect(() => envFileText({ X: value })).toThrow(TypeError);
    }
    expect(() => envFileText({ 'X\nY': 'z' })).toThrow(TypeError);
  });

  it('that can’t be written later is refused now, with the fix', () => {
    expect(() => checkEnvFile(join(dir, 'no/x.env'), '--write-env')).toThrow(/there is no folder .*no; make it/);
    mkdirSync(join(dir, 'folder'));
    expect(() => checkEnvFile(join(dir, 'folder'), '--write-env')).toThrow(UsageError);
    expect(() => checkEnvFile(join(dir, 'x.env'), '--write-env')).not.toThrow();
  });

  it('of an earlier run goes away, and none is no fault', () => {
    const file = join(dir, 'x.env');
    writeFileSync(file, '');
    clearEnvFile(file);
    clearEnvFile(file);
    expect(existsSync(file)).toBe(false);
  });
});

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
import { variablesFor, walletVariable } from '../../src/cli/output/container-environment.ts';
import { checkEnvFile, clearEnvFile, envFileText, writeEnvFile } from '../../src/cli/output/env-file.ts';
import { shellEnvironment, shellQuoted } from '../../src/cli/output/shell.ts';
import { UsageError } from '../../src/lib/errors.ts';

const fullUri = 'http://127.0.0.1:9110/v1/credentials';
const region = 'eu-west-1';
const wallet = { tag: 'agentkeys_user_wallet', value: '0x5290' };
const shared = { region, wallet };
/** What keeps clients from the metadata service, and the wallet. */
const always = [
  'AWS_EC2_METADATA_DISABLED=true',
  'AWS_METADATA_ENDPOINT=http://127.0.0.1:1',
  'CPL_AWS_EC2_API_ROOT_URL=disabled',
  'AGENTKEYS_USER_WALLET=0x5290',
];

describe('the exports', () => {
  it('unset the other providers, then set one URI, one token, both names of the region, the wallet, and no profile', () => {
    const [unset, ...exported] = shellEnvironment(variablesFor({ fullUri, token: 'abc', ...shared }), {});
    expect(exported).toEqual(
      [
        `AWS_CONTAINER_CREDENTIALS_FULL_URI=${fullUri}`,
        'AWS_CONTAINER_AUTHORIZATION_TOKEN=abc',
        'AWS_REGION=eu-west-1',
        'AWS_DEFAULT_REGION=eu-west-1',
        ...always,
        'AWS_SHARED_CREDENTIALS_FILE=/dev/null',
        'CPL_AWS_CREDENTIALS_FILE=/dev/null',
        'AWS_CONFIG_FILE=/dev/null',
      ].map(line => `export ${line}`),
    );
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'])
      expect(unset?.split(' ')).toContain(name);
    for (const line of exported) expect(unset?.split(' ')).not.toContain(/export (\w+)=/.exec(line)?.[1]);
  });

  it('name the token’s file instead where that is asked for, and STS where it is not the region’s', () => {
    const variables = variablesFor({ fullUri, tokenFile: '/run/t', ...shared, stsEndpoint: 'http://127.0.0.1:9111' });
    expect(variables).not.toHaveProperty('AWS_CONTAINER_AUTHORIZATION_TOKEN');
    expect(variables).toMatchObject({
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/run/t',
      AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9111',
    });
  });

  it('have no FULL_URI beside a RELATIVE_URI, need no token then, and let GDAL take it', () => {
    const variables = variablesFor({ relativeUri: '/v2/credentials/id', ...shared });
    expect(Object.keys(variables)).toEqual([
      'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      'AWS_EC2_METADATA_DISABLED',
      'AWS_METADATA_ENDPOINT',
      'AGENTKEYS_USER_WALLET',
    ]);
  });

  it.each([
    [{ fullUri, token: 'a' }, '127.0.0.1'],
    [{ fullUri: 'http://[::1]:9110/v1/credentials', token: 'a' }, '::1'],
    [{ fullUri: 'https://creds.internal:9443/v1/credentials', token: 'a' }, 'creds.internal'],
    [{ relativeUri: '/v2/credentials/id' }, '169.254.170.2'],
  ])('keep %j away from a proxy', (uri, host) => {
    const env = { http_proxy: 'http://proxy.example:3128', no_proxy: 'internal' };
    expect(variablesFor({ ...uri, ...shared, env })).toMatchObject({
      NO_PROXY: `internal,${host}`,
      no_proxy: `internal,${host}`,
    });
  });

  it.each([
    ['agentkeys_user_wallet', 'AGENTKEYS_USER_WALLET'],
    ['team:wallet/id', 'TEAM_WALLET_ID'],
    ['2nd.wallet', '_2ND_WALLET'],
  ])('name the wallet of tag %s in %s', (tag, name) => {
    expect(walletVariable(tag)).toBe(name);
  });

  it.each([
    { token: 'a' },
    { fullUri, relativeUri: '/v2/x', token: 'a' },
    { fullUri },
    { relativeUri: '', token: 'a' },
    { fullUri, token: '' },
  ])('are refused for %j: never two URIs, never an empty one, never a FULL_URI without a token', options => {
    expect(() => variablesFor({ ...options, ...shared })).toThrow(TypeError);
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
    await writeEnvFile(file, variablesFor({ fullUri, token: 'abc', ...shared }));
    expect(readFileSync(file, 'utf8')).toBe(
      `AWS_CONTAINER_CREDENTIALS_FULL_URI=${fullUri}\nAWS_CONTAINER_AUTHORIZATION_TOKEN=abc\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n${always.join('\n')}\n`,
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

/**
 * An application's environment: what shadows the endpoint, what its SDK refuses, what is wrong with the token.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { checkEnvFile, checkMetadataService, checkOwnEnvironment } from '../../src/aws/doctor/checks/environment.ts';
import { parseEnvFile } from '../../src/aws/doctor/environment-file.ts';
import { OutboundError } from '../../src/lib/http-client.ts';
import { configOf } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-env-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TOKEN = `${'f'.repeat(31)}scraper-a`;
const FULL = 'AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9110/v1/credentials';
const GOOD = [
  FULL,
  `AWS_CONTAINER_AUTHORIZATION_TOKEN=${TOKEN}`,
  'AWS_REGION=us-east-1',
  'AWS_DEFAULT_REGION=us-east-1',
];

const REGION = ['AWS_REGION=x', 'AWS_DEFAULT_REGION=x'];

let count = 0;
function findings(lines: readonly string[], name = 'env') {
  const file = join(folder, `${count++}-${name}`);
  writeFileSync(file, lines.join('\n'));
  return { file, found: checkEnvFile(file, configOf()).filter(f => f.code !== 'env-token-only') };
}
const codes = (lines: readonly string[], name?: string) =>
  findings(lines, name).found.map(f => `${f.severity} ${f.code}`);
const uri = (value: string) => [`AWS_CONTAINER_CREDENTIALS_FULL_URI=${value}`, ...GOOD.slice(1)];

test('what `env` and `dev` print has no finding', () => {
  expect(codes(GOOD)).toEqual([]);
  expect(codes(GOOD.map(line => `export ${line}`))).toEqual([]);
});

describe('what comes before the endpoint in the chain', () => {
  test.each(['AWS_ACCESS_KEY_ID=AKIA', 'AWS_PROFILE=dev', 'AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/token'])('%s', line => {
    const { file, found } = findings([...GOOD, line]);
    expect(found).toMatchObject([
      { severity: 'error', code: 'env-shadowed', where: `${file}:5 ${line.split('=')[0]}` },
    ]);
  });
  test('a secret is never repeated', () => {
    const { found } = findings([
      ...GOOD,
      'AWS_SECRET_ACCESS_KEY=canary-secret',
      'AWS_CONTAINER_AUTHORIZATION_TOKEN=canary token',
    ]);
    expect(JSON.stringify(found)).not.toContain('canary');
  });
});

describe('a URI that an SDK refuses', () => {
  test.each([
    'http://walletcreds:9110/v1/credentials',
    'http://10.0.0.5:9110/v1/credentials',
    'http://192.168.1.2/v1/credentials',
    'http://host.docker.internal:9110/',
    'ftp://127.0.0.1/',
  ])('by every SDK: %s', value => {
    expect(codes(uri(value))).toEqual(['error env-uri-refused']);
  });
  test.each([
    ['http://[::1]:9110/v1/credentials', 'JS v2'],
    ['http://127.0.0.2:9110/v1/credentials', 'botocore'],
    ['http://169.254.170.2/v1/credentials', 'JS v2'],
    ['http://169.254.170.23/v1/credentials', 'Pod Identity'],
    ['http://[fd00:ec2::23]/v1/credentials', 'Kotlin'],
    ['https://creds.internal:9443/v1/credentials', 'botocore'],
    ['http://localhost:9110/v1/credentials', '::1'],
  ])('by some SDKs, which are named: %s', (value, sdk) => {
    const { found } = findings(uri(value));
    expect(found).toMatchObject([{ severity: 'warning', code: 'env-uri-some' }]);
    expect(found[0]?.what).toContain(sdk);
  });
  test.each([['not a url'], ['']])('malformed: %j', value => {
    expect(codes(uri(value))).toEqual(['error env-uri-malformed']);
  });
  test('an empty RELATIVE_URI counts as set', () => {
    expect(codes([...GOOD, 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI='])).toEqual(['error env-relative-empty']);
  });
  test('both URIs', () => {
    expect(codes([...GOOD, 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x'])).toEqual([
      'warning env-both-uris',
    ]);
  });
  test.each(['v2/credentials/x', '/v2/credentials?id=x'])('a RELATIVE_URI of %s', value => {
    expect(codes([`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=${value}`, ...REGION])).toEqual(['error env-uri-malformed']);
  });
  test('none at all', () => {
    expect(codes([...REGION])).toContain('error env-no-endpoint');
  });
});

describe('a token that is of no use', () => {
  const inFile = (content: string) => {
    const file = join(folder, `token-${count++}`);
    writeFileSync(file, content);
    return [FULL, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${file}`, ...REGION];
  };
  test.each([
    ['a trailing newline', `${TOKEN}\n`],
    ['a CRLF', `${TOKEN}\r\n`],
    ['a byte order mark', `\uFEFF${TOKEN}`],
    ['a space', 'two words'],
    ['nothing', ''],
  ])('%s in its file', (_, content) => {
    expect(codes(inFile(content))).toContain('error env-token-malformed');
  });
  test('a good file is noted for the clients that ignore it', () => {
    expect(codes(inFile(TOKEN))).toEqual(['info env-token-file-only']);
  });
  test('a file that is not there', () => {
    expect(codes([FULL, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nonexistent/t', ...REGION])).toContain(
      'error env-token-unreadable',
    );
  });
  test('both forms at once', () => {
    expect(codes([...inFile(TOKEN), `AWS_CONTAINER_AUTHORIZATION_TOKEN=${TOKEN}`])).toEqual(['error env-both-tokens']);
  });
  test('none, and one that no workload has', () => {
    expect(codes([FULL, ...REGION])).toEqual(['error env-no-token']);
    expect(codes([FULL, `AWS_CONTAINER_AUTHORIZATION_TOKEN=${'e'.repeat(40)}`, ...REGION])).toEqual([
      'warning env-token-unknown',
    ]);
  });
});

test('no region is a warning, and one of the two variables is a note', () => {
  expect(codes(GOOD.slice(0, 2))).toEqual(['warning env-no-region']);
  expect(codes(GOOD.slice(0, 3))).toEqual(['info env-one-region']);
  const [found] = findings([...GOOD.slice(0, 2), 'AWS_DEFAULT_REGION=x']).found;
  expect(found?.what).toBe('AWS_DEFAULT_REGION is set, and AWS_REGION is not');
});

test('a token in a variable only is noted, for the clients that read a file', () => {
  const file = join(folder, 'variable');
  writeFileSync(file, GOOD.join('\n'));
  expect(checkEnvFile(file, configOf())).toMatchObject([{ severity: 'info', code: 'env-token-only' }]);
});

describe('a URI whose path the endpoint does not have', () => {
  test.each([
    'http://127.0.0.1:9110/v1/credentials/',
    'http://127.0.0.1:9110/',
    'http://127.0.0.1:9110/credentials',
    'http://127.0.0.1:9110/v2/credentials/',
  ])('%s', value => {
    expect(codes(uri(value))).toEqual(['error env-uri-path']);
  });
  test.each(['/v1/credentials', '/v2/credentials/', '/v2/credentials/x/', '/creds/x'])('RELATIVE_URI %s', value => {
    expect(codes([`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=${value}`, ...REGION])).toEqual(['error env-uri-path']);
  });
  test('both of the endpoint’s paths are fine', () => {
    expect(codes(['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x', ...REGION])).toEqual([]);
    expect(codes(uri('http://127.0.0.1:9110/v2/credentials/x'))).toEqual([]);
  });
});

describe('the form of the file', () => {
  const quoted = GOOD.map(line => line.replace(/=(.*)/, '="$1"'));
  test('docker keeps quotes, so they are an error; a shell and systemd take them off', () => {
    expect(new Set(codes(quoted))).toEqual(
      new Set(['error env-quoted', 'error env-uri-malformed', 'warning env-token-unknown']),
    );
    expect(codes(quoted.map(line => `export ${line}`))).toEqual([]);
    expect(codes(['set -a', ...quoted])).toEqual([]);
    expect(codes(['[Service]', ...GOOD.map(line => `Environment="${line}"`)].map(l => l.replace(/"$/, '')))).toEqual(
      [],
    );
  });
  test('each service of a compose file is judged by itself, where it stands', () => {
    const good = GOOD.map(line => `      ${line.replace('=', ': "')}"`);
    const compose = ['services:', '  one:', '    environment:', ...good, '  db:', '    image: postgres'];
    expect(codes(compose, 'compose.yaml')).toEqual([]);
    const list = ['  two:', '    environment:', ...GOOD.map(l => `      - ${l}`), '      - AWS_PROFILE=dev'];
    const { file, found } = findings([...compose, ...list], 'compose.yml');
    expect(found).toMatchObject([{ code: 'env-shadowed', where: `${file} service two:16 AWS_PROFILE` }]);
    expect(codes(['services:', '  db: { image: postgres }'], 'compose.yaml')).toContain('error env-no-endpoint');
  });
  test('no text makes it throw, as a compose file too', () => {
    const file = join(folder, 'any.yaml');
    fc.assert(
      fc.property(fc.string(), text => {
        writeFileSync(file, `services:\n${text}`);
        checkEnvFile(file, undefined);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a proxy', () => {
  test.each([
    ['http_proxy=http://proxy:3128', []],
    ['HTTP_PROXY=http://proxy:3128', ['NO_PROXY=internal.example']],
    ['HTTP_PROXY=http://proxy:3128', ['NO_PROXY=localhost']],
    ['ALL_PROXY=socks5://proxy:1080', []],
  ])('%s without the endpoint in NO_PROXY is an error', (proxy, more) => {
    expect(codes([...GOOD, proxy, ...more])).toEqual(['error env-proxy']);
  });
  test.each(['NO_PROXY=127.0.0.1', 'no_proxy=internal, 127.0.0.1', 'NO_PROXY=*'])('with %s it is fine', line => {
    expect(codes([...GOOD, 'HTTP_PROXY=http://proxy:3128', line])).toEqual([]);
  });
  test('for a RELATIVE_URI it is 169.254.170.2 that must be named', () => {
    const relative = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x', ...REGION, 'HTTP_PROXY=http://p:1'];
    expect(findings(relative).found[0]?.what).toContain('169.254.170.2');
    expect(codes([...relative, 'NO_PROXY=169.254.170.2'])).toEqual([]);
  });
});

test('an instance metadata service that answers is noted, whatever it answers', async () => {
  const answers = async () => ({ status: 401, headers: {}, body: '' });
  expect(await checkMetadataService(answers)).toMatchObject([{ severity: 'info', code: 'env-imds' }]);
  const silent = () => Promise.reject(new OutboundError('TimedOut', 'no answer'));
  expect(await checkMetadataService(silent)).toEqual([]);
});

test('a file that cannot be read is a finding', () => {
  expect(checkEnvFile('/nonexistent/.env', undefined)).toMatchObject([{ code: 'env-unreadable' }]);
  expect(checkEnvFile(folder, undefined)).toMatchObject([{ code: 'env-unreadable' }]);
});

test('leftovers in the own shell are noted, with the command that clears them', () => {
  const [found] = checkOwnEnvironment({ AWS_PROFILE: 'x', AWS_ACCESS_KEY_ID: 'AKIA' });
  expect(found).toMatchObject({ severity: 'info', code: 'env-leftover' });
  expect(found?.fix).toContain('-u AWS_ACCESS_KEY_ID -u AWS_PROFILE');
  expect(checkOwnEnvironment({ AWS_REGION: 'x' })).toEqual([]);
});

test('comments, quotes, systemd lines and the last of two count as they do elsewhere; no text makes it throw', () => {
  const read = parseEnvFile('# A=1\nA="two words"\nexport B=\'x\'\n"C=3"\nA=last\r\nnonsense');
  expect([...read].map(([k, v]) => [k, v.value])).toEqual([
    ['A', 'last'],
    ['B', 'x'],
    ['C', '3"'],
  ]);
  fc.assert(fc.property(fc.string(), text => void parseEnvFile(text)));
});

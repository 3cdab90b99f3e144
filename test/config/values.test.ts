import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpolate } from '../../src/config/interpolate.ts';
import { isAws } from '../../src/config/names.ts';
import { beyondAws, issuerProblem, needsPermission, parseUrl } from '../../src/config/urls.ts';
import { formatListen, isLocal, isLoopback, parseCidr, parseListen } from '../../src/lib/addresses.ts';
import { InvalidValue } from '../../src/lib/invalid-value.ts';
import { editDistance, nearest } from '../../src/lib/nearest.ts';
import { formatDuration, parseDuration } from '../../src/lib/time/duration.ts';

const throwsOnly = (parse: (text: string) => unknown) =>
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidValue);
      }
    }),
  );

describe('interpolation', () => {
  const lookups = { env: { A: 'x', EMPTY: '', NESTED: '${env:A}' }, file: () => 'content\n' };
  const fill = (text: string) => interpolate(text, lookups);

  it.each([
    ['${env:A}', 'x'],
    ['a${env:A}b${env:A}', 'axbx'],
    ['${env:NO:-d}', 'd'],
    ['${env:NO:-}', ''],
    ['${env:EMPTY}', ''],
    ['${env:EMPTY:-d}', 'd'],
    ['${env:A:-d}', 'x'],
    ['${env:NO:-https://x:1/}', 'https://x:1/'],
    ['$${env:A}', '${env:A}'],
    ['$$${env:A}', '$${env:A}'],
    ['${env:NESTED}', '${env:A}'],
    ['${file:secret}', 'content'],
    ['$5 and $ and {}', '$5 and $ and {}'],
  ])('%s becomes %s', (text, result) => {
    expect(fill(text)).toBe(result);
  });

  it.each([
    ['${env:NO}', 'the variable NO is not set; set it, or give a default: ${env:NO:-default}'],
    ['${env:A', '"${" without its "}"; write "$${" for a literal "${"'],
    ['${env:}', '"${env:…}" holds no name of a variable'],
    ['${env:a b}', '"${env:…}" holds no name of a variable'],
    ['${file:}', '"${file:}" holds no path'],
    [
      '${wallet}',
      '"${…}" is known as ${env:NAME}, ${env:NAME:-default} and ${file:PATH}; write "$${" for a literal "${"',
    ],
  ])('%s is an error with its fix', (text, message) => {
    expect(() => fill(text)).toThrow(new InvalidValue(message));
  });

  it('leaves text without "${" as it is, and escaped text comes out as it was', () => {
    fc.assert(fc.property(fc.string(), text => text.includes('${') || fill(text) === text));
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '${', '}', ' ')), parts => {
        const text = parts.join('');
        expect(fill(text.replaceAll('${', () => '$${'))).toBe(text);
      }),
    );
  });

  it('puts in any value as it is, without reading it again', () => {
    fc.assert(fc.property(fc.string(), value => interpolate('${env:V}', { ...lookups, env: { V: value } }) === value));
  });

  it('strips one newline of a file, not two', () => {
    const of = (text: string) => interpolate('${file:x}', { ...lookups, file: () => text });
    expect([of('a\n'), of('a\r\n'), of('a\n\n'), of('a')]).toEqual(['a', 'a', 'a\n', 'a']);
  });

  it('never throws anything but a finding', () => throwsOnly(fill));
});

describe('a duration', () => {
  it.each([
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['5s', 5_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
    ['7d', 604_800_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '15', '1.5h', '-1h', '1h 30m', '30m1h', '1h1h', 'h', '1H', '１５m', '1e3s', ' 1h'])('%j is none', text =>
    expect(() => parseDuration(text)).toThrow(InvalidValue),
  );

  it('that was written out is read back', () => {
    fc.assert(fc.property(fc.nat(10_000_000_000), ms => parseDuration(formatDuration(ms)) === ms));
  });

  it('never throws anything but a finding', () => throwsOnly(parseDuration));
});

describe('an address to listen on', () => {
  it('that was written out is read back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (host, port) => {
        const text = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
        const address = parseListen(text);
        expect(address.port).toBe(port);
        expect(parseListen(formatListen(address))).toEqual(address);
      }),
    );
  });

  it('has one spelling for each IPv6 address', () => {
    expect(parseListen('[FD00:0ec2:0:0::23]:80')).toEqual({ host: 'fd00:ec2::23', port: 80 });
    expect(parseListen('[0:0:0:0:0:0:0:1]:1').host).toBe('::1');
  });

  it.each([
    ['9110', /^no address/],
    ['127.0.0.1', /^no port/],
    ['::1', /^no port/],
    ['[::1]', /^not an address/],
    ['::1:9110', /^no port/],
    ['localhost:9110', /^a name, not an address/],
    ['example.com:80', /^no IP address/],
    ['127.0.0.1:65536', /^the port is over/],
    ['127.0.0.1:080', /^not an address/],
    ['127.1:80', /^no IP address/],
    ['[127.0.0.1]:80', /^no IP address/],
    ['[fe80::1%eth0]:80', /^no IP address/],
    ['http://127.0.0.1:80', /^not an address/],
    ['', /^not an address/],
  ])('%j is none', (text, message) => expect(() => parseListen(text)).toThrow(message));

  it('is local only on loopback and where the SDKs take plain http', () => {
    const local = ['127.0.0.1', '127.9.9.9', '::1', '169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];
    const remote = ['0.0.0.0', '::', '10.0.0.1', '169.254.169.254', '169.254.170.3', '::ffff:127.0.0.1', '127.0.0.1.x'];
    expect(local.map(isLocal)).toEqual(local.map(() => true));
    expect(remote.map(isLocal)).toEqual(remote.map(() => false));
    expect(isLoopback('169.254.170.2')).toBe(false);
  });

  it('never throws anything but a finding', () => throwsOnly(parseListen));
});

describe('a block of addresses', () => {
  it.each([
    ['10.42.0.0/16', '10.42.0.0/16'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00::/8', 'fd00::/8'],
    ['::1', '::1/128'],
  ])('%s is %s', (text, block) => expect(parseCidr(text)).toBe(block));

  it.each(['', '10.0.0.0/33', '10.0.0.1/24', 'fd00::1/8', '10.0.0/8', '10.0.0.0/', '10.0.0.0/-1', 'x/8', '::/129'])(
    '%j is none',
    text => expect(() => parseCidr(text)).toThrow(InvalidValue),
  );

  it('of any address alone is taken', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => /\/(32|128)$/.test(parseCidr(text))));
  });

  it('never throws anything but a finding', () => throwsOnly(parseCidr));
});

describe('the nearest key', () => {
  const known = ['role_arn', 'region', 'session_duration', 'wallet_tag', 'state_dir', 'endpoint', 'workloads'];

  it('is found through any one typo', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(), fc.constantFrom('drop', 'double', 'swap'), (key, n, kind) => {
        const at = n % (key.length - 1);
        const [a, b] = [key.charAt(at), key.charAt(at + 1)];
        const typo = { drop: b, double: a + a + b, swap: b + a }[kind] ?? '';
        expect(nearest(key.slice(0, at) + typo + key.slice(at + 2), known)).toBe(key);
      }),
    );
  });

  it('is found in other spellings, and not where nothing is near', () => {
    expect(nearest('roleArn', known)).toBe('role_arn');
    expect(nearest('role-arn', known)).toBe('role_arn');
    expect(nearest('colour', known)).toBeUndefined();
    expect(nearest('x'.repeat(100_000), known)).toBeUndefined();
  });

  it('is measured by a distance: zero only for equals, the same both ways', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('a URL', () => {
  it.each([
    '',
    'x',
    '/x',
    'ftp://x/',
    'https:x',
    'https:///x',
    'https://u:p@x/',
    'https://x/#f',
    'https://x/ y',
    'javascript:1',
  ])('%j is none that can be called', text => expect(() => parseUrl(text)).toThrow(InvalidValue));

  it('needs a word for plain http to anything but a loopback literal', () => {
    const free = ['https://x/', 'http://127.0.0.1:1/', 'http://[::1]/', 'http://127.255.0.1'];
    const not = [
      'http://localhost/',
      'http://127.0.0.1.x/',
      'http://10.0.0.1/',
      'http://[::ffff:127.0.0.1]/',
      'http://0.0.0.0/',
    ];
    expect(free.map(needsPermission)).toEqual(free.map(() => false));
    expect(not.map(needsPermission)).toEqual(not.map(() => true));
  });

  it("is AWS's by its host alone", () => {
    expect(isAws('https://sts.eu-west-1.amazonaws.com')).toBe(true);
    expect(isAws('https://sts.cn-north-1.amazonaws.com.cn')).toBe(true);
    expect(isAws('https://amazonaws.com.example.org/')).toBe(false);
    expect(isAws('https://xamazonaws.com/')).toBe(false);
  });

  it("that is our issuer keeps to AWS's limits where AWS will fetch it", () => {
    expect(issuerProblem('https://x.example/path', true)).toBeUndefined();
    expect(issuerProblem('http://x.example:8080', false)).toBeUndefined();
    expect(issuerProblem('https://x.example/', true)).toBeUndefined();
    for (const bad of ['http://x', 'https://x:8443', 'https://x:443', 'https://x?y']) {
      expect(issuerProblem(bad, true)).toBeTypeOf('string');
    }
  });

  it.each([
    ['x', 'not a URL'],
    ['ftp://x.example', 'begins with https://'],
    ['HTTPS://x.example', 'begins with https://'],
    ['https://x.example?', 'no query'],
    ['https://x.example#', 'no query and no fragment'],
    ['https://u@x.example', 'no user name'],
    ['https://X.example/Path', 'lower case, x.example'],
    ['https://x.example.', 'at the end of the host'],
  ])('that is our issuer, %j, is compared byte for byte: %s', (issuer, said) => {
    expect(issuerProblem(issuer, true)).toContain(said);
    expect(issuerProblem(issuer, false)).toContain(said);
  });

  it('that is our issuer may have a path in any case', () => {
    expect(issuerProblem('https://x.example/Path', true)).toBeUndefined();
    expect(issuerProblem('http://[::1]:9111', false)).toBeUndefined();
  });

  it.each([
    'https://10.1.2.3',
    'https://172.31.0.1/x',
    'https://192.168.1.1',
    'https://127.0.0.1',
    'https://169.254.1.1',
    'https://100.64.0.1',
    'https://0.0.0.0',
    'https://[::1]',
    'https://[fd00::1]',
    'https://[fe80::1]',
    'https://[::ffff:10.0.0.1]',
    'https://localhost',
    'https://a.localhost',
    'http://x.example',
  ])('%s is beyond AWS, which fetches over the internet', url => expect(beyondAws(url)).toContain('AWS fetches'));

  it.each([
    'https://x.example',
    'https://8.8.8.8',
    'https://172.32.0.1',
    'https://[2001:db8::1]',
    'https://localhost.example',
  ])('%s is where AWS may fetch it', url => expect(beyondAws(url)).toBeUndefined());

  it('never throws anything but a finding', () => throwsOnly(parseUrl));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adminPolicy } from '../../src/http/admin/policy.ts';
import { endpointPolicy } from '../../src/http/endpoint/policy.ts';
import { readHeaders } from '../../src/http/headers.ts';
import { judge, pathOf, type RequestPolicy } from '../../src/http/validate-request.ts';

const listen = [{ host: '127.0.0.1', port: 9110 }];
const endpoint = endpointPolicy({ listen, extraHosts: [] });
const admin = adminPolicy({ listen });

function verdict(policy: RequestPolicy, method: string, target: string, ...fields: string[]): string {
  const raw = fields.flatMap(field => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  return judge(policy, { method, target, headers: readHeaders(raw) })?.code ?? 'passes';
}

/** The same name in some mixture of cases. */
const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map(upper => [...name].map((c, i) => (upper[i] ? c.toUpperCase() : c)).join(''));

describe('the verdict on a raw request', () => {
  it('is the same for the first thousand spellings of a field name as for those that come after', () => {
    const host = 'Host: 127.0.0.1:9110';
    for (let i = 0; i < 1000; i++)
      expect(verdict(endpoint, 'GET', '/v1/credentials', host, `X-New-${i}: 1`)).toBe('passes');
    for (const name of ['oRiGiN', 'rEfErEr', 'sEc-FeTcH-sItE', 'X-fOrWaRdEd-FoR', 'vIa']) {
      const first = verdict(endpoint, 'GET', '/v1/credentials', host, `${name}: 1`);
      expect(first, name).not.toBe('passes');
      expect(verdict(endpoint, 'GET', '/v1/credentials', host, `${name}: 1`), name).toBe(first);
    }
  });

  it('lets what an SDK sends pass', () => {
    const fields = [
      'Host: 127.0.0.1:9110',
      'User-Agent: x',
      'Accept: */*',
      'Authorization: t',
      'Accept-Encoding: gzip',
    ];
    expect(verdict(endpoint, 'GET', '/v1/credentials?b=2&a=1#x', ...fields, 'Content-Length: 0')).toBe('passes');
  });

  it('judges Host, forwarded, browser, method, body, target in this order', () => {
    const faults = [
      ['HostNotAllowed', 'Host: evil.example'],
      ['ForwardedRequestRefused', 'Via: 1.1 proxy'],
      ['BrowserRequestRefused', 'Origin: https://evil.example'],
    ] as const;
    const rest = ['Content-Length: 3'];
    const good = 'Host: localhost';
    expect(verdict(endpoint, 'POST', '*', faults[0][1], faults[1][1], faults[2][1], ...rest)).toBe(faults[0][0]);
    expect(verdict(endpoint, 'POST', '*', good, faults[1][1], faults[2][1], ...rest)).toBe(faults[1][0]);
    expect(verdict(endpoint, 'POST', '*', good, faults[2][1], ...rest)).toBe(faults[2][0]);
    expect(verdict(endpoint, 'POST', '*', good, ...rest)).toBe('MethodNotAllowed');
    expect(verdict(endpoint, 'GET', '*', good, ...rest)).toBe('BodyNotAllowed');
    expect(verdict(endpoint, 'GET', '*', good)).toBe('BadRequest');
    expect(verdict(endpoint, 'GET', '/', good)).toBe('passes');
  });

  it('refuses a header of a proxy or a page in any case, anywhere among others, even when it is empty', () => {
    const proxy = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'Forwarded', 'Via'];
    const page = ['Origin', 'Referer', 'Sec-Fetch-Site', 'Sec-Fetch-Mode', 'Sec-Fetch-Dest', 'Sec-Fetch-Anything'];
    const name = fc.constantFrom(...proxy, ...page).chain(name => fc.tuple(fc.constant(name), anyCase(name)));
    const others = fc.array(fc.constantFrom('Accept: */*', 'X-Amz-Date: 1', 'User-Agent: y', 'Connection: close'));
    fc.assert(
      fc.property(name, others, others, fc.constantFrom('', 'x'), ([name, written], before, after, value) => {
        const expected = proxy.includes(name) ? 'ForwardedRequestRefused' : 'BrowserRequestRefused';
        expect(verdict(endpoint, 'GET', '/', 'Host: ::1', ...before, `${written}: ${value}`, ...after)).toBe(expected);
      }),
    );
  });

  it('refuses every method but GET', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter(method => method !== 'GET'),
        method => {
          expect(verdict(endpoint, method, '/v1/credentials', 'Host: localhost')).toBe('MethodNotAllowed');
        },
      ),
    );
  });

  it.each([
    ['no Host', [], 'BadRequest'],
    ['two Hosts, the same', ['Host: localhost', 'Host: localhost'], 'BadRequest'],
    ['two Hosts, one evil', ['Host: localhost', 'host: evil.example'], 'BadRequest'],
    ['an empty Host', ['Host:'], 'HostNotAllowed'],
    ['two Authorizations', ['Host: localhost', 'Authorization: a', 'authorization: b'], 'BadRequest'],
    ['chunked', ['Host: localhost', 'Transfer-Encoding: chunked'], 'BodyNotAllowed'],
    ['a length that is none', ['Host: localhost', 'Content-Length: x'], 'BodyNotAllowed'],
    ['a strange Expect', ['Host: localhost', 'Expect: cake'], 'BadRequest'],
    ['Expect: 100-Continue', ['Host: localhost', 'Expect: 100-Continue'], 'passes'],
    [
      'names that only look alike',
      ['Host: localhost', 'X-Via: a', 'Origins: b', 'Sec-Fetc: c', 'Sec-Fetchx: d'],
      'passes',
    ],
  ] as const)('%s', (_, fields, expected) => {
    expect(verdict(endpoint, 'GET', '/v1/credentials', ...fields)).toBe(expected);
  });

  it.each([
    ['http://evil.example/v1/credentials', 'HostNotAllowed'],
    ['http://evil.example@localhost/v1/credentials', 'BadRequest'],
    ['http://localhost@evil.example/v1/credentials', 'HostNotAllowed'],
    ['http://127.0.0.1/v1/credentials', 'BadRequest'],
    ['HTTPS://[::1]/v1/credentials', 'BadRequest'],
    ['*', 'BadRequest'],
    ['', 'BadRequest'],
    ['v1/credentials', 'BadRequest'],
  ])('doesn’t serve the target %j', (target, expected) => {
    expect(verdict(endpoint, 'GET', target, 'Host: localhost')).toBe(expected);
  });

  it('takes the path byte for byte, up to a query or a stray fragment', () => {
    expect(pathOf('/v1/credentials?a=/..#b')).toBe('/v1/credentials');
    expect(pathOf('/v1/credentials#?')).toBe('/v1/credentials');
    expect(pathOf('/a/../%2F')).toBe('/a/../%2F');
    const path = fc.string().filter(text => !/[?#]/.test(text));
    fc.assert(
      fc.property(path, fc.string(), (path, rest) => {
        expect(pathOf(`${path}?${rest}`)).toBe(path);
      }),
    );
  });

  it('admin: opens the page by a browser’s navigation and takes a probe through a proxy, but not a page’s POST', () => {
    const navigation = ['Host: localhost:9112', 'Sec-Fetch-Mode: navigate', 'Referer: http://localhost/', 'Via: 1.1 x'];
    expect(verdict(admin, 'GET', '/', ...navigation)).toBe('passes');
    expect(verdict(admin, 'POST', '/', ...navigation)).toBe('BrowserRequestRefused');
    expect(verdict(admin, 'GET', '/', 'Host: rebound.example')).toBe('HostNotAllowed');
  });
});

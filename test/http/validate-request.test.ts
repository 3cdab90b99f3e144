import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adminPolicy } from '../../src/http/admin/policy.ts';
import { endpointPolicy } from '../../src/http/endpoint/policy.ts';
import { pathOf, type RequestHeaders, type RequestPolicy, validateRequest } from '../../src/http/validate-request.ts';

const listen = [{ host: '127.0.0.1', port: 9110 }];
const endpoint = endpointPolicy({ listen, extraHosts: [] });
const admin = adminPolicy({ listen });

/** The code of the refusal, or `passes`. */
function outcome(policy: RequestPolicy, method: string, target: string, ...fields: string[]): string {
  const headers: RequestHeaders = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    headers[name] = [...(headers[name] ?? []), field.slice(colon + 1).trim()];
  }
  return validateRequest(policy, { method, target, headers })?.code ?? 'passes';
}

/** The same name in some mixture of cases. */
const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map(upper => [...name].map((c, i) => (upper[i] ? c.toUpperCase() : c)).join(''));

describe('the validation of a raw request', () => {
  it('lets what an SDK sends pass', () => {
    const fields = [
      'Host: 127.0.0.1:9110',
      'User-Agent: x',
      'Accept: */*',
      'Authorization: t',
      'Accept-Encoding: gzip',
    ];
    expect(outcome(endpoint, 'GET', '/v1/credentials?b=2&a=1#x', ...fields, 'Content-Length: 0')).toBe('passes');
  });

  it('checks Host, forwarded, browser, method, body, target in this order', () => {
    const faults = [
      ['HostNotAllowed', 'Host: evil.example'],
      ['ForwardedRequestRefused', 'Via: 1.1 proxy'],
      ['BrowserRequestRefused', 'Origin: https://evil.example'],
    ] as const;
    const rest = ['Content-Length: 3'];
    const good = 'Host: localhost';
    expect(outcome(endpoint, 'POST', '*', faults[0][1], faults[1][1], faults[2][1], ...rest)).toBe(faults[0][0]);
    expect(outcome(endpoint, 'POST', '*', good, faults[1][1], faults[2][1], ...rest)).toBe(faults[1][0]);
    expect(outcome(endpoint, 'POST', '*', good, faults[2][1], ...rest)).toBe(faults[2][0]);
    expect(outcome(endpoint, 'POST', '*', good, ...rest)).toBe('MethodNotAllowed');
    expect(outcome(endpoint, 'GET', '*', good, ...rest)).toBe('BodyNotAllowed');
    expect(outcome(endpoint, 'GET', '*', good)).toBe('BadRequest');
    expect(outcome(endpoint, 'GET', '/', good)).toBe('passes');
  });

  it('refuses a header of a proxy or a page in any case, anywhere among others, even when it is empty', () => {
    const proxy = [
      'Forwarded',
      'Via',
      'X-Forwarded',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Port',
      'X-Forwarded-Proto-Version',
      'X-Forwarded-Anything',
      'X-Original-URL',
      'X-Original-Forwarded-For',
      'X-Real-IP',
      'X-Client-IP',
      'True-Client-IP',
      'CF-Connecting-IP',
    ];
    const page = ['Origin', 'Referer', 'Sec-Fetch-Site', 'Sec-Fetch-Dest', 'Sec-Fetch-User'];
    const underscored = proxy.flatMap(each => [each.replaceAll('-', '_'), each.replace('-', '_')]);
    const name = fc
      .constantFrom(...proxy, ...underscored, ...page)
      .chain(name => fc.tuple(fc.constant(name), anyCase(name)));
    const others = fc.array(
      fc.constantFrom('Accept: */*', 'X-Forwarded-Proto: http', 'User-Agent: y', 'Connection: close'),
    );
    fc.assert(
      fc.property(name, others, others, fc.constantFrom('', 'x'), ([name, written], before, after, value) => {
        const expected = page.includes(name) ? 'BrowserRequestRefused' : 'ForwardedRequestRefused';
        expect(outcome(endpoint, 'GET', '/', 'Host: ::1', ...before, `${written}: ${value}`, ...after)).toBe(expected);
      }),
    );
  });

  it.each([
    ['Envoy’s own fetcher of credentials', ['X-Forwarded-Proto: http', 'X-Envoy-Expected-Rq-Timeout-Ms: 1000']],
    ['node’s own fetch', ['Sec-Fetch-Mode: cors', 'Accept-Language: *', 'User-Agent: node']],
  ])('takes %s for neither a proxy nor a page', (_, fields) => {
    expect(outcome(endpoint, 'GET', '/', 'Host: localhost', ...fields)).toBe('passes');
  });

  it('refuses every method but GET', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter(method => method !== 'GET'),
        method => {
          expect(outcome(endpoint, method, '/v1/credentials', 'Host: localhost')).toBe('MethodNotAllowed');
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
      'names that only look the same',
      ['Host: localhost', 'X-Via: a', 'Origins: b', 'Sec-Fetc: c', 'X-Originals: d'],
      'passes',
    ],
  ] as const)('%s', (_, fields, expected) => {
    expect(outcome(endpoint, 'GET', '/v1/credentials', ...fields)).toBe(expected);
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
    expect(outcome(endpoint, 'GET', target, 'Host: localhost')).toBe(expected);
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
    const navigation = ['Host: localhost:9112', 'Sec-Fetch-Dest: document', 'Referer: http://localhost/', 'Via: 1.1 x'];
    expect(outcome(admin, 'GET', '/', ...navigation)).toBe('passes');
    expect(outcome(admin, 'POST', '/', ...navigation)).toBe('BrowserRequestRefused');
    expect(outcome(admin, 'GET', '/', 'Host: rebound.example')).toBe('HostNotAllowed');
  });
});

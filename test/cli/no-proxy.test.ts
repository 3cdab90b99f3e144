import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noProxyFor } from '../../src/cli/output/no-proxy.ts';

const HTTP_PROXY = 'http://proxy.example:3128';

describe('NO_PROXY for the endpoint', () => {
  test('is left alone where the environment has no proxy', () => {
    expect(noProxyFor('127.0.0.1', { NO_PROXY: 'a' })).toEqual({});
    expect(noProxyFor('127.0.0.1', { HTTP_PROXY: '' })).toEqual({});
  });

  test.each(['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])(
    'has both spellings beside %s',
    name => {
      expect(noProxyFor('127.0.0.1', { [name]: HTTP_PROXY })).toEqual({ NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' });
    },
  );

  test.each([
    ['a,b', undefined, 'a,b,127.0.0.1', 'a,b,127.0.0.1'],
    [undefined, 'b', 'b,127.0.0.1', 'b,127.0.0.1'],
    ['a', 'b', 'a,127.0.0.1', 'b,127.0.0.1'],
    ['*', '', '*', '*'],
    ['127.0.0.1, a', undefined, '127.0.0.1,a', '127.0.0.1,a'],
  ])('keeps %j and %j', (NO_PROXY, no_proxy, upper, lower) => {
    expect(noProxyFor('127.0.0.1', { HTTP_PROXY, NO_PROXY, no_proxy })).toEqual({ NO_PROXY: upper, no_proxy: lower });
  });

  test('always names the host, and every host that was there', () => {
    const hosts = fc.array(fc.stringMatching(/^[a-z.]{1,8}$/), { maxLength: 5 });
    fc.assert(
      fc.property(hosts, before => {
        const { NO_PROXY = '' } = noProxyFor('::1', { HTTP_PROXY, NO_PROXY: before.join(',') });
        expect(NO_PROXY.split(',')).toEqual(expect.arrayContaining([...before, '::1']));
      }),
    );
  });
});

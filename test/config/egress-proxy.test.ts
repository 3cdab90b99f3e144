import { describe, expect, test } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { ConfigError } from '../../src/lib/errors.ts';

const PROXY = 'http://proxy.example:3128';

async function load(egress_proxy: string | undefined, env: NodeJS.ProcessEnv) {
  const object = {
    region: 'us-east-1',
    role_arn: 'arn:aws:iam::123456789012:role/data',
    ...(egress_proxy !== undefined && { egress_proxy }),
    identity_token: { broker: { url: 'https://broker.example.com', bearer: 'caller' } },
    workloads: { a: { wallet: '0x52908400098527886E0F7030069857D2E4169EE7' } },
    callers: {
      jwt: [
        { issuer: 'https://i.example.com', audience: 'walletcreds', listeners: ['endpoint'], subjects: { s: 'a' } },
      ],
      session_backend: { url: 'https://backend.example.com', listeners: ['endpoint'], any_wallet: true },
    },
  };
  return configFromObject(object, { env, purpose: 'inspect' });
}

describe('egress_proxy', () => {
  test.each([
    [undefined, { HTTPS_PROXY: PROXY }, PROXY],
    ['env', { https_proxy: PROXY, HTTPS_PROXY: 'http://another:1' }, PROXY],
    [PROXY, { HTTPS_PROXY: 'http://another:1' }, PROXY],
    ['none', { HTTPS_PROXY: PROXY }, undefined],
    [undefined, {}, undefined],
    [undefined, { HTTPS_PROXY: '', HTTP_PROXY: PROXY }, undefined],
  ])('%j with %j is %j, for everything that calls out', async (written, env, url) => {
    const { egressProxy, sts, callers, defaults, workloads } = await load(written, env);
    expect(egressProxy?.url).toBe(url);
    const { identityToken } = defaults;
    for (const { proxy } of [sts, callers.jwt[0]?.jwks ?? {}, callers.sessionBackend ?? {}])
      expect(proxy?.url).toBe(url);
    for (const source of [identityToken, workloads.get('a')?.workload.identityToken])
      expect(source).toMatchObject({ kind: 'broker', ...(url !== undefined && { proxy: { url } }) });
  });

  test('has NO_PROXY’s exceptions, however the proxy is given', async () => {
    for (const written of ['env', PROXY]) {
      const { egressProxy } = await load(written, { HTTPS_PROXY: PROXY, NO_PROXY: 'internal, .svc' });
      expect(egressProxy?.noProxy).toEqual(['internal', '.svc']);
    }
  });

  test.each([
    ['ftp://proxy', {}, 'egress_proxy: not a proxy; it reads http://host:port'],
    ['env', { HTTPS_PROXY: 'socks5://user:secret@proxy' }, 'egress_proxy: the variable HTTPS_PROXY: not a proxy'],
  ])('%j with %j is an error that repeats no secret', async (written, env, message) => {
    const error = (await load(written, env).catch((problem: unknown) => problem)) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.problems.map(({ key, message: said }) => `${key}: ${said}`).join('\n')).toContain(message);
    expect(error.message).not.toContain('secret');
  });
});

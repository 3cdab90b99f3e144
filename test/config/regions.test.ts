import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { ConfigError } from '../../src/lib/errors.ts';

const BASE = {
  role_arn: 'arn:aws:iam::123456789012:role/data',
  identity_token: { signer: { issuer: 'https://oidc.example.com' } },
};

async function load(object: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) {
  try {
    const { sts, warnings } = await configFromObject({ ...BASE, ...object }, { env, purpose: 'inspect' });
    return { endpoint: sts.endpoint, warnings: warnings.join('\n') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { errors: error.problems.map(({ key, message }) => `${key}: ${message}`) };
  }
}

describe('the region', () => {
  it.each([
    [
      'us-est-1',
      'region: no known region of AWS (did you mean "us-east-1"?); for a new one say sts.endpoint: https://sts.us-est-1.amazonaws.com',
    ],
    [
      'eu-central1',
      'region: no known region of AWS (did you mean "eu-central-1"?); for a new one say sts.endpoint: https://sts.eu-central1.amazonaws.com',
    ],
    [
      'mars-north-1',
      'region: no known region of AWS; for a new one say sts.endpoint: https://sts.mars-north-1.amazonaws.com',
    ],
  ])('%s, which does not exist, is an error', async (region, message) => {
    expect(await load({ region })).toEqual({ errors: [message] });
  });

  it('that AWS has added since is taken with its STS, and with a warning', async () => {
    const sts = { endpoint: 'https://sts.eu-south-9.amazonaws.com' };
    expect(await load({ region: 'eu-south-9', sts })).toEqual({
      endpoint: sts.endpoint,
      warnings: expect.stringMatching(/^region: no known region of AWS \(did you mean "eu-south-1"\?\)$/),
    });
  });

  it('of an STS that isn’t AWS’s is anything', async () => {
    const found = await load({ region: 'default', sts: { endpoint: 'https://ceph.example.com' } });
    expect(found).toEqual({ endpoint: 'https://ceph.example.com', warnings: '' });
    const variable = { AWS_ENDPOINT_URL_STS: 'https://ceph.example.com' };
    expect(await load({ region: 'default' }, variable)).toEqual(found);
  });
});

describe('the STS of the region', () => {
  it.each([
    ['eusc-de-east-1', {}, 'https://sts.eusc-de-east-1.amazonaws.eu'],
    ['us-iso-east-1', {}, 'https://sts.us-iso-east-1.c2s.ic.gov'],
    ['us-east-1', { dualstack: 'true' }, 'https://sts.us-east-1.api.aws'],
    ['us-east-1', { fips: 'true' }, 'https://sts-fips.us-east-1.amazonaws.com'],
    ['us-gov-west-1', { fips: 'true' }, 'https://sts.us-gov-west-1.amazonaws.com'],
  ])('%s with %j is %s', async (region, sts, endpoint) => {
    expect(await load({ region, sts })).toMatchObject({ endpoint });
  });

  it.each(['dualstack', 'fips'])('is not chosen by %s where another one is named', async name => {
    const message = (source: string) => ({
      errors: [`sts.${name}: chooses a host of the region, but ${source} names one; keep one of them`],
    });
    const sts = { [name]: true };
    const region = 'us-east-1';
    const endpoint = 'https://sts.example.com';
    expect(await load({ region, sts: { ...sts, endpoint } })).toEqual(message('sts.endpoint'));
    expect(await load({ region, sts }, { AWS_ENDPOINT_URL_STS: endpoint })).toEqual(message('AWS_ENDPOINT_URL_STS'));
  });
});

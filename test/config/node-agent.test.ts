import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const SUBJECTS = { 'system:serviceaccount:scrapers:scraper-a': 'scraper-a' };

const entry = (parts: Record<string, unknown> = {}) => ({
  issuer: ISSUER,
  audience: 'walletcreds',
  listeners: ['endpoint'],
  subjects: SUBJECTS,
  ...parts,
});

/** What is found wrong, and what is warned of, in a node agent's configuration. */
async function findings(
  jwt: Record<string, unknown>,
  parts: Record<string, unknown> = {},
): Promise<{ errors: string; warnings: string }> {
  const object = {
    region: 'us-east-1',
    role_arn: 'arn:aws:iam::123456789012:role/data',
    endpoint: { listen: ['169.254.170.23:80', '[fd00:ec2::23]:80'] },
    identity_token: { broker: { url: 'https://broker.example.com', bearer: 'caller' } },
    workloads: { 'scraper-a': { wallet: '0x52908400098527886e0f7030069857d2e4169ee7' } },
    callers: { jwt: [jwt] },
    audit: { database: 'stdout' },
    ...parts,
  };
  try {
    const { warnings } = await configFromObject(object, {
      purpose: 'inspect',
      env: { NODE_NAME: 'node-1', EMPTY: '' },
    });
    return { errors: '', warnings: warnings.join('\n') };
  } catch (error) {
    return { errors: (error as Error).message, warnings: '' };
  }
}

describe('a node agent', () => {
  it('is a good configuration with the name of its node, and with any node', async () => {
    expect(await findings(entry({ node_name: '${env:NODE_NAME}' }))).toEqual({ errors: '', warnings: '' });
    expect(await findings(entry({ allow_any_node: true }))).toEqual({ errors: '', warnings: '' });
  });

  it.each([{}, { allow_any_node: false }])(
    'must say which pods it answers, on the addresses of a node: %j',
    async parts => {
      expect((await findings(entry(parts))).errors).toBe(
        'configuration callers.jwt.0: 169.254.170.23:80 answers for the pods of a node; say which: node_name: ${env:NODE_NAME}, or allow_any_node: true',
      );
      expect((await findings(entry(parts), { endpoint: { listen: ['[fd00:ec2::23]:80'] } })).errors).toContain(
        '[fd00:ec2::23]:80 answers for the pods of a node',
      );
    },
  );

  it('need not say so where it answers for one pod alone, or where these tokens count for nothing', async () => {
    expect((await findings(entry(), { endpoint: { listen: ['127.0.0.1:9110'] } })).errors).toBe('');
    const signer = { signer: { issuer: 'https://oidc.example.com', keys_dir: 'keys' } };
    const parts = { identity_token: signer, broker: { listen: '127.0.0.1:8091' } };
    expect((await findings(entry({ listeners: ['broker'] }), parts)).errors).toBe('');
  });

  it('is refused with an empty node name, which would be no pod’s', async () => {
    expect((await findings(entry({ node_name: '${env:EMPTY}' }))).errors).toContain('callers.jwt.0.node_name: empty');
  });

  it('is warned of a signing key on its node', async () => {
    const signer = { signer: { issuer: 'https://oidc.example.com', keys_dir: 'keys' } };
    const { errors, warnings } = await findings(entry({ allow_any_node: true }), { identity_token: signer });
    expect([errors, warnings]).toEqual(['', expect.stringContaining('use broker with bearer: caller')]);
  });
});

describe('the audience of service-account tokens', () => {
  it.each([
    ISSUER,
    `${ISSUER}/`,
    'https://kubernetes.default.svc',
    'kubernetes.default.svc',
    'kubernetes.svc.default',
    'k3s',
  ])('is never the API server’s own: %s', async audience => {
    const at = { endpoint: { listen: ['127.0.0.1:9110'] } };
    expect((await findings(entry({ audience }), at)).errors).toContain(
      'callers.jwt.0.audience: the API server takes tokens for this audience too',
    );
  });

  it('is the API server’s own where a managed cluster’s issuer has a name of its own, too', async () => {
    const issuer = 'https://oidc.eks.us-east-1.amazonaws.com/id/ABCDEF';
    const parts = { issuer, audience: issuer, allow_any_node: true };
    expect((await findings(entry(parts))).errors).toContain('the API server takes tokens for this audience too');
  });

  it('may be anything else, and an issuer of other callers may be its own audience', async () => {
    for (const audience of ['walletcreds', 'kubernetes-walletcreds', 'https://kubernetes.example.com'])
      expect((await findings(entry({ audience, allow_any_node: true }))).errors).toBe('');
    const sessions = {
      issuer: 'https://a.example.com',
      audience: 'https://a.example.com',
      subjects: { u: 'scraper-a' },
    };
    expect((await findings(entry(sessions), { endpoint: { listen: ['127.0.0.1:9110'] } })).errors).toBe('');
  });
});

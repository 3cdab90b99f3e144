/**
 * All findings of a configuration at once.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { configFolder } from '../support/config-folder.ts';
import { findingsOf, OTHER, yaml } from './support.ts';

describe('all findings come at once', () => {
  it('in the order of the text, those that look at several places among them', async () => {
    const text = yaml({
      1: 'region: US',
      2: 'role_arn: data',
      4: '  signer: { issuer: https://x?, ttl: 2h }',
      7: '    wallet: "0x1"',
      8: '    tags: { Team: a, team: b }',
      9: 'endpoint: { listen: [127.0.0.1:1, 0.0.0.0:2], typo: 1 }',
      10: 'admin: { listen: 127.0.0.1 }',
    });
    const places = (await findingsOf(text))
      .split('\n')
      .map(line => line.replace(/^walletcreds\.yaml:(\S+ \S+): .*/, '$1'));
    expect(places).toEqual([
      '1:9 region',
      '2:11 role_arn',
      '4:21 identity_token.signer.issuer',
      '4:38 identity_token.signer.ttl',
      '7:13 workloads.a.wallet',
      '8:22 workloads.a.tags.team',
      '9:35 endpoint.listen.1',
      '9:47 endpoint.typo',
      '10:18 admin.listen',
    ]);
  });

  it('and leave no token behind', async () => {
    const { dir, write } = configFolder();
    const file = write('walletcreds.yaml', yaml({ 1: 'region: US' }));
    await expect(loadConfig(file, { env: {} })).rejects.toThrow(ConfigError);
    expect(existsSync(join(dir, 'tokens'))).toBe(false);
  });

  it('and never repeat a value that came from a variable', async () => {
    const canary = 'CANARY-7f3a/!';
    const text = yaml({
      1: 'region: ${env:C}',
      2: 'role_arn: ${env:C}',
      4: '  signer: { issuer: "${env:C}", ttl: "${env:C}" }',
      7: '    wallet: ${env:C}',
      8: '    token_env: ${env:C}',
      9: 'endpoint: { listen: "${env:C}", allow_from: "${env:C}", extra_hosts: "${env:C}", allow_remote: "${env:C}" }',
      10: 'audit: { database: "${env:C}" }',
    });
    const message = await findingsOf(text, { C: canary });
    expect(message.split('\n').length).toBeGreaterThan(9);
    expect(message).not.toContain('CANARY');
  });

  it('name both workloads where one bearer would stand for two wallets', async () => {
    const { write } = configFolder();
    write('bearer', 'bbbb0123456789abcdefghijklmnopqrstuv');
    const file = write(
      'walletcreds.yaml',
      yaml({ 4: '  broker: { url: https://b, bearer_file: bearer }' }, '').replace(
        'endpoint: {}',
        `  b: { wallet: "${OTHER}" }\nendpoint: {}`,
      ),
    );
    await expect(loadConfig(file, { env: {} })).rejects.toThrow(
      /:4:42 identity_token\.broker\.bearer_file: one bearer for two wallets, those of workloads\.a and workloads\.b; give each its own file: "bearers\/\{workload\}"/,
    );
  });
});

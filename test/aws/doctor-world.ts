/**
 * A configuration, keys, an issuer and an STS in which `doctor` finds nothing, and what it finds when a test bends them.
 *
 * @module
 */
import { join } from 'node:path';
import type { Send } from '../../src/aws/doctor/checks/issuer.ts';
import { diagnose } from '../../src/aws/doctor/doctor.ts';
import type { DoctorOptions } from '../../src/aws/doctor/options.ts';
import { generateKey, loadKeys } from '../../src/identity-token/keys/index.ts';
import { OutboundError, type OutboundRequest, type OutboundResponse } from '../../src/lib/http-client.ts';
import { temporaryFolder } from '../support/process.ts';
import { type ConfigOptions, configOf as sampleConfig } from './support.ts';

export const NOW = Date.UTC(2026, 5, 1);
export const ISSUER = 'https://tokens.example.org';
export const ACCOUNT = '210987654321';
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/agentkeys-data-role`;
/** A configuration without the template's placeholders. */
export const configOf = (options: ConfigOptions = {}) => sampleConfig({ issuer: ISSUER, roleArn: ROLE, ...options });

/** What AWS's STS answers to an unsigned request. */
export const REFUSED = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error>
  <RequestId>2b3c</RequestId>
</ErrorResponse>`;

export type Answer = Partial<OutboundResponse> | OutboundError;

/** Makes the keys, in a folder that `remove` takes away. */
export async function createDoctorWorld() {
  const { path: folder, remove } = temporaryFolder('doctor');
  const keysDir = join(folder, 'keys');
  await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
  const jwks: { keys: Record<string, unknown>[] } = JSON.parse(
    JSON.stringify((await loadKeys(keysDir, 'oidc')).publicJwks(NOW)),
  );

  /** Answers in which `doctor` finds nothing, except for those that a test replaces. */
  function world(bent: Record<string, Answer> = {}): Send {
    const good: Record<string, Answer> = {
      [`${ISSUER}/.well-known/openid-configuration`]: {
        body: JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/.well-known/jwks.json` }),
      },
      [`${ISSUER}/.well-known/jwks.json`]: { body: JSON.stringify(jwks) },
      'https://sts.us-east-1.amazonaws.com/': {
        status: 400,
        headers: { date: new Date(NOW).toUTCString() },
        body: REFUSED,
      },
    };
    const answers = { ...good, ...bent };
    return async (request: OutboundRequest) => {
      const answer = answers[request.url.replace(/\?.*/, '')];
      if (answer === undefined)
        throw new OutboundError('NetworkError', `the call to ${request.url} fails with ENOTFOUND`);
      if (answer instanceof OutboundError) throw answer;
      return { status: 200, headers: {}, body: '', ...answer };
    };
  }

  async function codes(options: Partial<DoctorOptions> = {}, config: ConfigOptions = {}): Promise<string[]> {
    const found = await diagnose({
      configFile: 'walletcreds.yaml',
      config: configOf({ keysDir, ...config }),
      env: {},
      now: () => NOW,
      send: world(),
      bucket: 'data',
      ...options,
    });
    return found.findings.map(f => `${f.severity} ${f.code}`);
  }

  return { folder, keysDir, jwks, world, codes, remove };
}

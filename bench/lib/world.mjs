/**
 * A folder with everything that `serve` wants (configuration, signing key, tokens), and an STS that believes its key.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../scripts/free-port.mjs';
import { ownProgram } from './program.mjs';

const ROLE = 'arn:aws:iam::000000000000:role/walletcreds-bench';
const HOST = '127.0.0.1';

/**
 * @param {{ workloads?: number, prefetch?: boolean, alg?: 'ES256' | 'RS256', audit?: string, broker?: boolean }} [options]
 */
export async function makeWorld(options = {}) {
  const { workloads = 1, prefetch = true, alg = 'ES256', audit = 'file:audit.sqlite', broker = false } = options;
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-bench-'));
  for (const name of ['keys', 'tokens', 'bearers']) mkdirSync(join(folder, name), { mode: 0o700 });
  const [issuerPort, endpointPort, brokerPort, adminPort] = await distinctPorts(4);
  const issuer = `http://${HOST}:${issuerPort}`;
  const key = makeKey(join(folder, 'keys', 'oidc.json'), alg);
  const sts = ownProgram('sts', { role: 'client' });
  const { url } = await sts.ask({ issuerPort, role: ROLE, documents: documentsOf(issuer, key.jwk) });

  const secret = path => {
    const value = randomBytes(32).toString('hex');
    writeFileSync(join(folder, path), value, { mode: 0o600 });
    return value;
  };
  const names = Array.from({ length: workloads }, (_, i) => `bench-${i}`);
  const tokens = names.map(name => secret(`tokens/${name}`));
  const bearers = broker ? names.map(name => secret(`bearers/${name}`)) : [];
  const config = join(folder, 'walletcreds.yaml');
  const content = {
    region: 'us-east-1',
    role_arn: ROLE,
    endpoint: { listen: [`${HOST}:${endpointPort}`], max_connections: 8_192 },
    identity_token: { signer: { issuer, keys_dir: 'keys', audience: 'sts.amazonaws.com' } },
    workloads: Object.fromEntries(
      names.map((name, i) => [
        name,
        {
          wallet: walletOf(i),
          token_file: `tokens/${name}`,
          ...(broker ? { bearer_file: `bearers/${name}` } : {}),
          prefetch,
        },
      ]),
    ),
    sts: { endpoint: url },
    ...(broker ? { broker: { listen: [`${HOST}:${brokerPort}`] } } : {}),
    admin: { listen: [`${HOST}:${adminPort}`] },
    audit: { database: audit },
  };
  writeFileSync(config, stringify(content));

  return {
    folder,
    config,
    tokens,
    bearers,
    endpointPort,
    brokerPort,
    issuer,
    key,
    stsUrl: url,
    role: ROLE,
    /** The bytes of a request for each workload's credentials. */
    requests: tokens.map(
      token => `GET /v1/credentials HTTP/1.1\r\nHost: ${HOST}:${endpointPort}\r\nAuthorization: ${token}\r\n\r\n`,
    ),
    async stsCalls() {
      return (await sts.ask('calls')).calls;
    },
    async remove() {
      await sts.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const walletOf = i => `0x${i.toString(16).padStart(40, '0')}`;

/** The claims of a token as STS wants them. */
export function claims(issuer, wallet) {
  const iat = Math.floor(Date.now() / 1000);
  const tag = 'agentkeys_user_wallet';
  return {
    iss: issuer,
    sub: `agentkeys:agent:${wallet}`,
    aud: 'sts.amazonaws.com',
    iat,
    exp: iat + 300,
    jti: randomUUID(),
    [tag]: wallet,
    'https://aws.amazon.com/tags': { principal_tags: { [tag]: [wallet] }, transitive_tag_keys: [tag] },
  };
}

/** @param {'ES256' | 'RS256'} alg */
export function makeKey(file, alg) {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const kid = 'bench';
  writeFileSync(file, JSON.stringify({ kid, alg, purpose: 'oidc', private_key_pem: pem }), { mode: 0o600 });
  return { kid, alg, pem, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

function documentsOf(issuer, jwk) {
  const discovery = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: [jwk.alg],
  };
  return {
    '/.well-known/openid-configuration': JSON.stringify(discovery),
    '/.well-known/jwks.json': JSON.stringify({ keys: [jwk] }),
  };
}

async function distinctPorts(count) {
  const ports = new Set();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

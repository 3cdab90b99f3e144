/**
 * A cluster as far as a node agent sees one: an API server that hands out the keys of its service-account tokens only to
 * those who show one and only over https with an authority of its own, rotates its keys, goes away and comes back; and
 * tokens as its kubelets project them.
 *
 * @module
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { json, makeKey, sign, type TestKey } from '../auth/support.ts';

export interface Pod {
  /** `namespace:name` */
  readonly account?: string;
  /** `null`: a token that is bound to no pod. */
  readonly uid?: string | null;
  /** `null`: as clusters before 1.30 make them. */
  readonly node?: string | null;
  readonly audience?: string | readonly string[];
  /** Seconds that the token is good for. */
  readonly ttl?: number;
  /** Wall time in ms at which it is made; default now. */
  readonly now?: number;
  readonly key?: TestKey;
}

export interface Cluster {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly caFile: string;
  /** The agent's own token for the API server, in a file. */
  readonly bearerFile: string;
  /** What was asked for, and whether with the bearer. */
  readonly seen: readonly { readonly path: string; readonly bearer: boolean }[];
  /** The document at {@link Cluster.jwksUrl}. */
  jwks(): string;
  token(pod?: Pod): Promise<string>;
  /** The second key signs from now on; the first one stays published unless told otherwise. */
  rotate(options?: { keepOld?: boolean }): TestKey;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

export const AUDIENCE = 'walletcreds';
export const NODE = 'node-1';
export const ACCOUNT = 'scrapers:scraper-a';

/** Made once: an RSA key, as API servers have, takes longer than most tests. */
const FIRST = makeKey('sa-key-1', 'RS256');
const SECOND = makeKey('sa-key-2', 'RS256');

/** @param at the name on its certificate, and the address that it listens on */
export async function startCluster(
  folder: string,
  at: { name: string; address: string } = { name: 'localhost', address: '127.0.0.1' },
): Promise<Cluster> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tls = {
    cert: selfSignedCertificate(privateKey, at.name, Date.now()),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  const [caFile, bearerFile] = [join(folder, 'cluster-ca.crt'), join(folder, 'apiserver-token')];
  const bearer = `apiserver-${randomUUID()}`;
  writeFileSync(caFile, tls.cert);
  writeFileSync(bearerFile, bearer, { mode: 0o600 });
  let keys = [FIRST];
  const seen: { path: string; bearer: boolean }[] = [];

  const server = https.createServer(tls, (incoming, outgoing) => {
    const path = incoming.url ?? '';
    const known = incoming.headers.authorization === `Bearer ${bearer}`;
    seen.push({ path, bearer: known });
    if (!known) return json(outgoing, 401, { kind: 'Status', message: 'Unauthorized' });
    if (path === '/.well-known/openid-configuration') return json(outgoing, 200, { issuer, jwks_uri: jwksUrl });
    if (path === '/openid/v1/jwks') return json(outgoing, 200, { keys: keys.map(({ jwk }) => jwk) });
    return json(outgoing, 404, { kind: 'Status', message: 'not found' });
  });
  const open = (port: number) => new Promise<void>(done => server.listen(port, at.address, done));
  const shut = () =>
    new Promise<void>(done => {
      server.close(() => done());
      server.closeAllConnections();
    });
  await open(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `https://${at.name}:${port}`;
  const jwksUrl = `${issuer}/openid/v1/jwks`;
  return {
    issuer,
    jwksUrl,
    caFile,
    bearerFile,
    seen,
    jwks: () => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }),
    token({
      account = ACCOUNT,
      uid = 'pod-uid-1',
      node = NODE,
      audience = [AUDIENCE],
      ttl = 3_600,
      now = Date.now(),
      key = keys[0] ?? FIRST,
    } = {}) {
      const [namespace, name] = account.split(':');
      const iat = Math.floor(now / 1_000);
      return sign(key, {
        iss: issuer,
        sub: `system:serviceaccount:${account}`,
        aud: audience,
        iat,
        nbf: iat,
        exp: iat + ttl,
        jti: randomUUID(),
        'kubernetes.io': {
          namespace,
          serviceaccount: { name, uid: 'account-uid' },
          ...(uid === null ? {} : { pod: { name: `${name}-0`, uid } }),
          ...(node === null ? {} : { node: { name: node, uid: 'node-uid' } }),
        },
      });
    },
    rotate({ keepOld = true } = {}) {
      keys = [SECOND, ...(keepOld ? [FIRST] : [])];
      return SECOND;
    },
    goAway: shut,
    comeBack: () => open(port),
  };
}

/**
 * Rows about the web identity token itself: signature, issuer, audience, times, subject.
 *
 * @module
 */
import type { Row } from '../sts-table.ts';
import { bad, denied, invalid, invalidToken, ok } from './answers.ts';
import { AZP, REQUIRED_CLAIM, TOKEN_CODES, VALIDATION } from './because.ts';

/** The same token with another payload under the old signature. */
function tampered(jwt: string): string {
  const [header, payload = '', signature] = jwt.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'agentkeys:agent:somebody' };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

/** `alg: none`, and no signature. */
function unsigned(jwt: string): string {
  const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  return `${header}.${jwt.split('.')[1]}.`;
}

export const tokenRows: readonly Row[] = [
  { name: 'a good token', ask: {}, emulator: ok, ceph: ok },
  {
    name: 'signed by a key that is not the issuer’s',
    ask: { key: 'foreign' },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  { name: 'a changed payload', ask: { token: tampered }, emulator: invalidToken, ceph: denied, because: TOKEN_CODES },
  { name: 'alg none, unsigned', ask: { token: unsigned }, emulator: invalidToken, ceph: denied, because: TOKEN_CODES },
  {
    name: 'signed by the second key of the JWKS, named by its kid',
    ask: { key: 'second' },
    emulator: ok,
    ceph: denied,
    because:
      'AWS: the key is picked by `kid`, of up to 100 RSA and 100 EC keys [OIDC providers]. Ceph tries the first one alone.',
  },
  {
    name: 'a kid that is not in the JWKS',
    ask: { header: { kid: 'unheard-of' } },
    emulator: invalidToken,
    ceph: ok,
    because:
      'AWS: a key that cannot be retrieved from the JWKS is `InvalidIdentityToken` [OIDC troubleshooting]. Ceph ignores `kid`.',
  },
  {
    name: 'HS256, with the certificate of the issuer’s key as the secret',
    ask: { header: { alg: 'HS256' } },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'no JWT at all',
    ask: { token: () => 'not-a-jwt' },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  { name: 'an empty token', ask: { token: () => '' }, emulator: invalid, ceph: denied, because: VALIDATION },
  {
    name: 'a token of more than 20,000 characters',
    ask: { claims: () => ({ padding: 'x'.repeat(16_000) }) },
    emulator: invalid,
    ceph: ok,
    because: 'AWS: `WebIdentityToken` has 4 to 20,000 characters [AssumeRoleWithWebIdentity]. Ceph has no limit here.',
  },
  {
    name: 'an issuer that is not registered',
    ask: { claims: () => ({ iss: 'https://stranger.example' }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'the issuer with a slash at its end',
    ask: { issuer: issuer => `${issuer}/` },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'no iss',
    ask: { claims: () => ({ iss: undefined }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'a foreign audience',
    ask: { claims: () => ({ aud: 'somebody' }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'no aud',
    ask: { claims: () => ({ aud: undefined }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'two audiences, the right one first',
    ask: { claims: () => ({ aud: ['sts.amazonaws.com', 'somebody'] }) },
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'two audiences, the right one last',
    ask: { claims: () => ({ aud: ['somebody', 'sts.amazonaws.com'] }) },
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'the right aud, and an azp that is no client id',
    ask: { claims: () => ({ azp: 'somebody' }) },
    emulator: invalidToken,
    ceph: ok,
    because: AZP,
  },
  {
    name: 'a foreign aud, and an azp that is a client id',
    ask: { claims: () => ({ aud: 'somebody', azp: 'sts.amazonaws.com' }) },
    emulator: ok,
    ceph: denied,
    because: AZP,
  },
  {
    name: 'no sub',
    ask: { claims: () => ({ sub: undefined }) },
    emulator: invalidToken,
    ceph: bad('InvalidArgument'),
    because:
      'AWS: `InvalidIdentityToken` [AssumeRoleWithWebIdentity]; `sub` is required [OpenID Connect Core]. Ceph: S3’s `InvalidArgument`.',
  },
  {
    name: 'an empty sub',
    ask: { claims: () => ({ sub: '' }) },
    emulator: invalidToken,
    ceph: bad('InvalidArgument'),
    because:
      'AWS: `InvalidIdentityToken` [AssumeRoleWithWebIdentity]; `sub` is required [OpenID Connect Core]. Ceph: S3’s `InvalidArgument`.',
  },
  {
    name: 'expired ten minutes ago',
    ask: { claims: now => ({ iat: now - 900, exp: now - 600 }) },
    emulator: bad('ExpiredTokenException'),
    ceph: denied,
    because:
      'AWS: `ExpiredTokenException`, 400, so that a client knows to bring a fresh one [AssumeRoleWithWebIdentity]. Ceph: `AccessDenied`.',
  },
  {
    name: 'expired a second ago',
    ask: { claims: now => ({ exp: now - 1 }) },
    emulator: bad('ExpiredTokenException'),
    ceph: denied,
    because:
      'AWS takes a token for five minutes more, for clocks that differ [OIDC federation]. Neither does so here: who lives on that shows at once.',
  },
  {
    name: 'no exp',
    ask: { claims: () => ({ exp: undefined }) },
    emulator: invalidToken,
    ceph: ok,
    because: REQUIRED_CLAIM,
  },
  {
    name: 'an nbf ten minutes ahead',
    ask: { claims: now => ({ nbf: now + 600 }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'an iat ten minutes ahead',
    ask: { claims: now => ({ iat: now + 600, exp: now + 900 }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
  {
    name: 'no iat',
    ask: { claims: () => ({ iat: undefined }) },
    emulator: invalidToken,
    ceph: ok,
    because: REQUIRED_CLAIM,
  },
  {
    name: 'an exp with a fraction',
    ask: { claims: now => ({ exp: now + 300.5 }) },
    emulator: invalidToken,
    ceph: denied,
    because:
      'AWS: timestamps in the token must be integers [AssumeRoleWithWebIdentity]. Ceph refuses it too, as it does any bad token.',
  },
  {
    name: 'an exp as a string',
    ask: { claims: now => ({ exp: `${now + 300}` }) },
    emulator: invalidToken,
    ceph: denied,
    because: TOKEN_CODES,
  },
];

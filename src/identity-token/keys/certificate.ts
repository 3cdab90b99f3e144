/**
 * A self-signed X.509 certificate for a signing key, which Ceph RGW demands as `x5c` in the JWK. Nobody validates a chain
 * with it: it is an envelope for the public key. Its few fields are DER-encoded here, since a library for it would weigh
 * more than the rest of the program's own code; node makes the key's part and the signature, and reads the result back.
 *
 * @module
 */
import { createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';

const SEQUENCE = 0x30;
const SET = 0x31;
const OID_COMMON_NAME = Buffer.from('0603550403', 'hex');
/** ecdsa-with-SHA256 has no parameters, sha256WithRSAEncryption has NULL. */
const SIGNATURE_ALGORITHMS = {
  ec: Buffer.from('300a06082a8648ce3d040302', 'hex'),
  rsa: Buffer.from('300d06092a864886f70d01010b0500', 'hex'),
} as const;

/** One DER element: tag, length, contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 wants it. */
function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/\.\d+|[-:T]/g, '');
  return at.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

/**
 * @param privateKey EC P-256 or RSA
 * @param commonName subject and issuer, at most 64 characters
 * @param now wall time in ms; the certificate is valid from the day before, for ten years
 * @returns PEM
 */
export function selfSignedCertificate(privateKey: KeyObject, commonName: string, now: number): string {
  const algorithm = SIGNATURE_ALGORITHMS[privateKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec'];
  // 16 random bytes, with the top bits set so that the number is positive and of full length.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const attribute = der(SEQUENCE, OID_COMMON_NAME, der(0x0c, Buffer.from(commonName.slice(0, 64))));
  const name = der(SEQUENCE, der(SET, attribute));
  const from = new Date(now - 86_400_000);
  const until = new Date(from);
  until.setUTCFullYear(until.getUTCFullYear() + 10);
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name,
    der(SEQUENCE, time(from), time(until)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = der(SEQUENCE, body, algorithm, der(0x03, Buffer.from([0]), signature));
  return new X509Certificate(certificate).toString();
}

/**
 * Certificates and keys that the configuration names, checked before the first listener opens.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { LoadContext } from '../load-context.ts';

/** A file of certificates; findings are reported. @returns its absolute path */
export function caFile(at: LoadContext, name: string): string {
  const file = at.source(name);
  const text = at.readText(file, 'the CA file');
  if (text !== undefined) certificateIn(at, file, text);
  return file;
}

/** The keys `cert_file` and `key_file` of `at`: both there, both readable, belonging together. */
export function tlsFiles(at: LoadContext, names: { cert: string; key: string }): { certFile: string; keyFile: string } {
  const certAt = at.at('cert_file');
  const keyAt = at.at('key_file');
  const certFile = certAt.source(names.cert);
  const keyFile = keyAt.source(names.key);
  const text = certAt.readText(certFile, 'the certificate');
  const certificate = text === undefined ? undefined : certificateIn(certAt, certFile, text);
  const secret = keyAt.readSecret(keyFile, 'the private key', { worldReadable: 'warn' });
  const key = secret === undefined ? undefined : privateKeyIn(secret.text);
  if (secret !== undefined && key === undefined) {
    keyAt.fileError(`the private key ${keyFile}: not a PEM private key without a passphrase`);
  }
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    keyAt.fileError(`the private key ${keyFile} is not the one of the certificate ${certFile}`);
  }
  return { certFile, keyFile };
}

function certificateIn(at: LoadContext, file: string, text: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(text);
    if (Date.parse(certificate.validTo) < Date.now()) at.warn(`${file} expired at ${certificate.validTo}`);
    return certificate;
  } catch {
    at.fileError(`${file}: no PEM certificate in it`);
    return undefined;
  }
}

function privateKeyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

/**
 * Certificates and keys that the configuration names, looked at before the first listener opens.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readText, UnreadableFile } from '../../lib/files/read-text.ts';
import { type Building, fileProblem, source, takeSecret } from '../building.ts';
import type { Path } from '../issues.ts';

/** Text of a file that is no secret. @returns undefined with a finding */
export function takeText(building: Building, path: Path, file: string, what: string): string | undefined {
  try {
    return readText(file).text;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    fileProblem(building, path, `${what} ${file}: ${error.message}`);
    return undefined;
  }
}

/** A file of certificates. @returns its absolute path, findings said */
export function caFile(building: Building, path: Path, name: string): string {
  const file = source(building, name);
  const text = takeText(building, path, file, 'the CA file');
  if (text !== undefined) certificateIn(building, path, file, text);
  return file;
}

/** A certificate and its key, both there, both readable, belonging together. */
export function tlsFiles(
  building: Building,
  path: Path,
  names: { cert: string; key: string },
): { certFile: string; keyFile: string } {
  const certFile = source(building, names.cert);
  const keyFile = source(building, names.key);
  const text = takeText(building, [...path, 'cert_file'], certFile, 'the certificate');
  const certificate = text === undefined ? undefined : certificateIn(building, [...path, 'cert_file'], certFile, text);
  const keyPath = [...path, 'key_file'];
  const secret = takeSecret(building, keyPath, keyFile, 'the private key', { worldReadable: 'warn' });
  const key = secret === undefined ? undefined : privateKeyIn(secret.text);
  if (secret !== undefined && key === undefined) {
    fileProblem(building, keyPath, `the private key ${keyFile}: not a PEM private key without a passphrase`);
  }
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    fileProblem(building, keyPath, `the private key ${keyFile} is not the one of the certificate ${certFile}`);
  }
  return { certFile, keyFile };
}

function certificateIn(building: Building, path: Path, file: string, text: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(text);
    if (Date.parse(certificate.validTo) < Date.now())
      building.problems.warn(path, `${file} expired at ${certificate.validTo}`);
    return certificate;
  } catch {
    fileProblem(building, path, `${file}: no PEM certificate in it`);
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

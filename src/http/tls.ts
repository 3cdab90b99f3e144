/**
 * A certificate that changes on disk takes effect without a connection being dropped.
 *
 * The files are polled, not watched: projected volumes swap a symlink two levels up, which directory events miss.
 *
 * @module
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';
import { WalletcredsError } from '../errors.ts';
import { errorFields, type Logger } from '../log.ts';

/** Certificate and key that belong together, PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The certificate or its key can't be read or used; the message names the file and the mend. */
export class TlsFilesUnusable extends WalletcredsError {
  readonly code = 'TlsFilesUnusable';
  readonly status = 500;
}

/** @throws TlsFilesUnusable */
export function readKeyPair({ certFile, keyFile }: TlsConfig): KeyPair {
  const pair = { cert: read(certFile), key: read(keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    const message = `${certFile} and ${keyFile} are no PEM certificate and its private key (${errorFields(cause).code})`;
    throw new TlsFilesUnusable(`${message}; write both anew, as one pair`, { cause });
  }
  return pair;
}

/**
 * @param changed gets a pair that is known to be usable; an unusable one is logged and the old one stays
 * @returns stops watching
 */
export function watchKeyPair(
  config: TlsConfig,
  changed: (pair: KeyPair) => void,
  log: Logger,
  intervalMs: number,
): () => void {
  const reread = () => {
    try {
      changed(readKeyPair(config));
      log.info({ cert_file: config.certFile }, 'the certificate was read anew');
    } catch (error) {
      log.error(errorFields(error), 'the new certificate is not usable, the old one stays');
    }
  };
  const files = [...new Set([config.certFile, config.keyFile])];
  for (const file of files) watchFile(file, { interval: intervalMs, persistent: false }, reread);
  return () => {
    for (const file of files) unwatchFile(file, reread);
  };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TlsFilesUnusable(`${file}: can't be read (${errorFields(cause).code})`, { cause });
  }
}

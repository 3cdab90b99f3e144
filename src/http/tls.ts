/**
 * A certificate that changes on disk takes effect without a connection being dropped.
 *
 * The files are polled, not watched: projected volumes swap a symlink two levels up, which directory events miss.
 *
 * @module
 */

import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TlsConfig } from '../config/types.ts';
import { WalletcredsError } from '../lib/errors.ts';
import { fingerprint } from '../lib/files/fingerprint.ts';
import { fileFindings } from '../lib/files/ownership.ts';
import { type ReadFile, readText } from '../lib/files/read-text.ts';
import { errorFields, type Logger } from '../lib/log.ts';

/** Certificate and key that belong together, PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The certificate or its key can't be read or used; the message names the file and the fix. */
export class TlsFilesUnusable extends WalletcredsError {
  readonly kind = 'TlsFilesUnusable';
}

/** PEM files are small; a chain of certificates has a few KiB. */
const MAX_BYTES = 256 * 1024;

/** @throws TlsFilesUnusable, also where somebody else can choose the key */
export function readKeyPair({ certFile, keyFile }: TlsConfig): KeyPair {
  const key = read(keyFile);
  const refusal = fileFindings(keyFile, key.stats, { worldReadable: 'warn' }).find(({ refused }) => refused);
  if (refusal !== undefined) throw new TlsFilesUnusable(`${keyFile}: ${refusal.message}`);
  const pair = { cert: Buffer.from(read(certFile).text), key: Buffer.from(key.text) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    const message = `${certFile} and ${keyFile} are no PEM certificate and its private key (${errorFields(cause).code})`;
    throw new TlsFilesUnusable(`${message}; write both again, as one pair`, { cause });
  }
  return pair;
}

/**
 * @param loaded what is in use now: a change between its reading and the first look is found by its content
 * @param changed gets a pair that is known to be usable; an unusable one is logged once, and the old one stays in use
 * @returns stops watching
 */
export function watchKeyPair(
  config: TlsConfig,
  loaded: KeyPair,
  changed: (pair: KeyPair) => void,
  options: { readonly log: Logger; readonly intervalMs: number },
): () => void {
  const { log, intervalMs } = options;
  const files = [config.certFile, config.keyFile];
  let current = loaded;
  let seen = '';
  let stopped = false;

  async function look(): Promise<void> {
    // Before the reading: what changes during it shows as another state next time.
    const state = (await Promise.all(files.map(stateOf))).join(' ');
    if (stopped || state === seen) return;
    seen = state;
    try {
      const pair = readKeyPair(config);
      if (pair.cert.equals(current.cert) && pair.key.equals(current.key)) return;
      current = pair;
      changed(pair);
      log.info({ cert_file: config.certFile }, 'the new certificate is in use');
    } catch (error) {
      log.error(errorFields(error), 'the new certificate is not usable, and the old one stays in use');
    }
  }

  const timer = setInterval(() => void look(), intervalMs).unref();
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

/** Which file it is and when it last changed; links are followed. */
function stateOf(file: string): Promise<string> {
  return stat(file, { bigint: true }).then(fingerprint, () => 'none');
}

/** A pipe in the file's place doesn't hang the process. */
function read(file: string): ReadFile {
  try {
    return readText(file, MAX_BYTES);
  } catch (cause) {
    throw new TlsFilesUnusable(`${file}: can't be read: ${errorFields(cause).message}`, { cause });
  }
}

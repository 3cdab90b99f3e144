/**
 * Identity tokens out of a file: a projected Kubernetes token, or whatever else is renewed there. It is read for every token,
 * since the kubelet replaces it. A file that isn't there yet, or is half written, is a transient failure.
 *
 * @module
 */

import { CredentialsUninitialized } from '../lib/errors.ts';
import { UnreadableFile } from '../lib/files/read-text.ts';
import { readTrusted } from '../lib/files/read-trusted.ts';
import type { FileSource } from '../workload/workload.ts';
import { MAX_TOKEN_LENGTH } from './check.ts';

/**
 * The raw source for `identity_token.file`: the text of the file without the white space around it.
 *
 * @throws CredentialsUninitialized naming the path
 */
export async function readTokenFile(config: FileSource): Promise<string> {
  let text: string;
  try {
    ({ text } = await readTrusted(config.path, MAX_TOKEN_LENGTH + 16));
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new CredentialsUninitialized(`identity_token.file ${config.path}: ${error.message}`);
  }
  const token = text.replace(/^\uFEFF/, '').trim();
  if (token === '') throw new CredentialsUninitialized(`identity_token.file ${config.path}: it is empty`);
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw new CredentialsUninitialized(
      `identity_token.file ${config.path}: it holds no whole JWT; it may be half written, or another file`,
    );
  }
  return token;
}

/**
 * Reading a file that holds a secret: a token, a bearer, a private key.
 *
 * It is refused where somebody else can choose its content, and where the world can read it; see `lib/files/ownership.ts`.
 * Group-readable is fine: it is how an app under another uid gets its token.
 *
 * @module
 */
import { fileFindings, type OwnershipOptions } from '../../lib/files/ownership.ts';
import { readText, UnreadableFile } from '../../lib/files/read-text.ts';

const MAX_BYTES = 64 * 1024;

/** Why a secret can't be taken from a file; the message names the path and the fix, and never holds content. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
  readonly reason: UnreadableFile['reason'] | 'content';

  constructor(reason: SecretFileError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface Secret {
  /** Exactly what the file holds, as UTF-8. */
  readonly text: string;
  /** Permission bits of the file that was read. */
  readonly mode: number;
  readonly warnings: readonly string[];
}

export interface SecretOptions extends OwnershipOptions {
  /** Bytes; default 64 KiB. */
  readonly limit?: number;
}

/**
 * Opens once, checks by `fstat` on the same descriptor, reads.
 *
 * @param what what the file is, for messages: `the token file`, `the signing key`
 * @throws SecretFileError
 */
export function openSecret(path: string, what: string, options: SecretOptions = {}): Secret {
  const name = `${what} ${path}`;
  let file: ReturnType<typeof readText>;
  try {
    file = readText(path, options.limit ?? MAX_BYTES);
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new SecretFileError(error.reason, `${name}: ${error.message}`);
  }
  const mode = file.stats.mode & 0o7777;
  const warnings: string[] = [];
  for (const { refused, message } of fileFindings(path, file.stats, options)) {
    if (refused) throw new SecretFileError('ownership', `${name}: ${message}`);
    warnings.push(`${name}: ${message}`);
  }
  if (file.bom)
    throw new SecretFileError('content', `${name}: begins with a byte order mark; save it as UTF-8 without one`);
  if (file.text === '') throw new SecretFileError('content', `${name}: empty`);
  return { text: file.text, mode, warnings };
}

/**
 * {@link openSecret} for values that people write with an editor or `echo`: one trailing newline is cut. Not for
 * authorization tokens, which the clients send with the newline.
 */
export function readSecretFile(path: string, what: string, options?: SecretOptions): Secret {
  const secret = openSecret(path, what, options);
  const text = secret.text.replace(/\r?\n$/, '');
  if (text === '') throw new SecretFileError('content', `${what} ${path}: empty`);
  return { ...secret, text };
}

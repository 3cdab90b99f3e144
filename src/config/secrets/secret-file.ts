/**
 * Reading a file that holds a secret: a token, a bearer, a private key.
 *
 * Refused when others than its owner can write it, since then they choose the secret, and when the world can read it,
 * but for a read-only mount (projected tokens, Secrets), where the mode isn't the operator's to choose and who can see the
 * mount is: a warning there. Group-readable is fine: it is how an app under another uid gets its token.
 *
 * @module
 */
import { onReadOnlyMount } from '../../lib/files/mounts.ts';
import { readText, UnreadableFile } from '../../lib/files/read-text.ts';

const MAX_BYTES = 64 * 1024;

/** Why a secret can't be taken from a file; the message says path and mend, and never holds content. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
  readonly reason: UnreadableFile['reason'] | 'mode' | 'content';

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

export interface SecretOptions {
  /** Bytes; default 64 KiB. */
  readonly limit?: number;
  /** The mounts of this process; only tests give another. */
  readonly mountinfo?: string;
  /** Whether a file that the world can read is refused (default) or only warned of, for keys that others made. */
  readonly worldReadable?: 'refuse' | 'warn';
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
  if (process.platform !== 'win32') {
    const octal = `0${mode.toString(8).padStart(3, '0')}`;
    const mend = `chmod 0${(mode & 0o640).toString(8).padStart(3, '0')} ${path}`;
    if ((mode & 0o022) !== 0)
      throw new SecretFileError('mode', `${name}: others can write it (mode ${octal}); ${mend}`);
    if ((mode & 0o004) !== 0) {
      if (options.worldReadable === 'warn' || onReadOnlyMount(path, options.mountinfo)) {
        warnings.push(`${name}: the world can read it (mode ${octal})`);
      } else throw new SecretFileError('mode', `${name}: the world can read it (mode ${octal}); ${mend}`);
    }
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

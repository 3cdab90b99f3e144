/**
 * What the `keys` commands share: the folder of keys, the audit record of a revocation, and how a failure is reported.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createAuditLog } from '../../../audit/create-log.ts';
import { loadConfig } from '../../../config/load.ts';
import type { Config } from '../../../config/types.ts';
import type { KeyPurpose, SigningKey } from '../../../identity-token/keys/file.ts';
import { keySetOf } from '../../../identity-token/keys/set.ts';
import { systemClock } from '../../../lib/clock.ts';
import { UsageError, WalletcredsError } from '../../../lib/errors.ts';
import { makeFolder } from '../../../lib/files/make-folder.ts';
import type { Io } from '../../io.ts';
import { cliLogger } from '../../logger.ts';

/** The flags of every command. */
export interface KeysFlags {
  readonly config: string;
  readonly dir?: string;
  readonly purpose?: KeyPurpose;
}

/** What every command works on. */
export interface KeysCommand {
  readonly keysDir: string;
  /** Default `oidc`. */
  readonly purpose?: KeyPurpose;
  /** One line of output, to stdout. */
  readonly out: (line: string) => void;
  /** One line of advice or of an error, to stderr. */
  readonly err: (line: string) => void;
  /** Wall time in ms; default the machine's. */
  readonly now?: number;
}

export interface KeysPlace extends KeysCommand {
  readonly issuer?: string;
  readonly walletTag?: string;
  readonly audit?: (event: { action: 'revoke'; kid: string }) => Promise<void>;
}

/** `--dir` works without a configuration, so that a key can be revoked while the configuration is broken. */
export async function keysCommand(
  flags: { readonly config: string; readonly dir?: string; readonly purpose?: KeyPurpose },
  io: Io,
): Promise<KeysPlace> {
  const command = { out: io.out, err: io.warn, ...(flags.purpose === undefined ? {} : { purpose: flags.purpose }) };
  if (flags.dir !== undefined && !existsSync(flags.config)) return { ...command, keysDir: resolve(flags.dir) };
  let config: Config;
  try {
    // Only the folder of the keys is needed: no token is made, and none has to be readable.
    config = await loadConfig(flags.config, { env: io.env, purpose: 'inspect' });
  } catch (error) {
    if (flags.dir === undefined) throw error;
    io.warn(`${flags.config} can't be read, so nothing is written to the audit log; going on with --dir alone`);
    return { ...command, keysDir: resolve(flags.dir) };
  }
  const { identityToken } = config.defaults;
  const signer = identityToken.kind === 'signer' ? identityToken : undefined;
  const keysDir = flags.dir === undefined ? signer?.keysDir : resolve(flags.dir);
  if (keysDir === undefined) {
    throw new UsageError(`${flags.config} has no identity_token.signer; name the folder of keys with --dir`);
  }
  return {
    ...command,
    keysDir,
    walletTag: config.walletTag,
    ...(signer === undefined ? {} : { issuer: signer.issuer }),
    audit: event => writeRevocation(config, event.kid, io),
  };
}

async function writeRevocation(config: Config, kid: string, io: Io): Promise<void> {
  if (config.audit.kind === 'sqlite') makeFolder(dirname(config.audit.path), 0o711);
  const auditLog = await createAuditLog(config.audit, {
    clock: systemClock,
    log: await cliLogger(io.env, 'warn'),
    stateDir: config.stateDir,
  });
  try {
    await auditLog.append({ type: 'signing-key-revoked', at: Date.now(), kid });
  } finally {
    await auditLog.close();
  }
}

type Resolved = KeysCommand & { readonly purpose: KeyPurpose; readonly now: number };

/** Runs a command; an error becomes lines and exit status 1. */
export async function reporting(
  command: KeysCommand,
  action: (resolved: Resolved) => Promise<number>,
): Promise<number> {
  try {
    return await action({ ...command, purpose: command.purpose ?? 'oidc', now: command.now ?? Date.now() });
  } catch (error) {
    if (error instanceof WalletcredsError) {
      for (const line of error.message.split('\n')) command.err(line);
      return 1;
    }
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    command.err(`${path ?? command.keysDir}: ${code === 'EACCES' ? 'this process may not write there' : message}`);
    return 1;
  }
}

/** `signing`, `next`, `retiring`, `retired`, or `older` for one that another key has replaced. */
export function stateOf(key: SigningKey, keys: readonly SigningKey[], now: number): string {
  const published = keySetOf('', keys).publicJwks(now).keys;
  if (!published.some(({ kid }) => kid === key.kid)) return 'retired';
  if (key.notBefore * 1000 > now) return 'next';
  if (published[0]?.kid === key.kid) return 'signing';
  return key.retireAt === undefined ? 'older' : 'retiring';
}

/**
 * Which folder of keys a `keys` verb works on, and the audit log that a revocation is written to.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createAuditLog } from '../audit/create-log.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import type { KeyPurpose } from '../identity-token/keys/file.ts';
import { systemClock } from '../lib/clock.ts';
import { UsageError } from '../lib/errors.ts';
import { makeFolder } from '../lib/files/make-folder.ts';
import type { KeysCommand } from './commands/keys.ts';
import type { Io } from './io.ts';
import { cliLogger } from './logger.ts';

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
    // Where the keys are is all that is asked: no token is made for it, and nobody's has to be within reach.
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

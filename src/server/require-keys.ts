/**
 * Checks that every folder of signing keys has a key that can sign now, before a listener opens and before a changed
 * configuration is applied.
 *
 * @module
 */
import { Sources } from '../config/sources.ts';
import type { Config } from '../config/types.ts';
import type { KeyStores } from '../identity-token/source.ts';
import { ConfigError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import { issuerOf } from './listeners.ts';

/** @throws ConfigError at the key that names the folder */
export async function requireKeys(
  config: Config,
  signer: (...of: Parameters<KeyStores>) => Promise<unknown>,
): Promise<void> {
  const file = config.name ?? config.file ?? 'configuration';
  const tokenSources = [
    config.defaults.identityToken,
    ...[...config.workloads.values()].map(({ workload }) => workload.identityToken),
  ];
  const folders = new Map(
    tokenSources.flatMap(source => (source.kind === 'signer' ? [[source.keysDir, source.purpose] as const] : [])),
  );
  for (const [dir, purpose] of folders) {
    try {
      await signer(dir, purpose);
    } catch (error) {
      const place = config.keyFolders?.get(dir) ?? { key: 'identity_token.signer.keys_dir' };
      const sources = new Sources(config.sources);
      // The folder as one of its own entries. It counts as unread, since a key may also become good by time.
      sources.unread(`${dir}/.`);
      throw new ConfigError(file, [{ ...place, message: errorFields(error).message }], sources);
    }
  }
  if (config.broker !== undefined && issuerOf(config) === undefined) {
    const message = 'a broker needs a signer of its own: give the top level an identity_token.signer';
    throw new ConfigError(file, [{ key: 'broker', message }], config.sources);
  }
}

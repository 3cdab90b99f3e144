/**
 * Where a workload's identity token comes from: one of signer, broker and file, and behind every one of them the same
 * check of the claims. Nothing else in the house makes an {@link IdentityToken}.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { createBrokerClient } from './broker.ts';
import { checkIdentityToken } from './check.ts';
import { readTokenFile } from './file.ts';
import type { IdentityTokenSource } from './identity-token.ts';
import type { KeyPurpose } from './keys/file.ts';
import { createKeyStore, type KeyStore } from './keys/store.ts';
import { createSigner } from './signer.ts';

/** One store a folder and purpose, so that signer, JWKS and readiness see the same keys. */
export type KeyStores = (dir: string, purpose: KeyPurpose) => KeyStore;

export function createKeyStores(deps: { clock: Clock; log?: Logger }): KeyStores {
  const stores = new Map<string, KeyStore>();
  return (dir, purpose) => {
    const id = JSON.stringify([dir, purpose]);
    const store = stores.get(id) ?? createKeyStore({ dir, purpose, ...deps });
    stores.set(id, store);
    return store;
  };
}

/**
 * @param deps.keys shared with whoever publishes the JWKS; default: stores of its own
 */
export function createIdentityTokenSource(deps: { clock: Clock; log?: Logger; keys?: KeyStores }): IdentityTokenSource {
  const { clock } = deps;
  const sign = createSigner({ keys: deps.keys ?? createKeyStores(deps), clock });
  const askBroker = createBrokerClient({ clock });
  return {
    async get(workload, options) {
      const config = workload.identityToken;
      const { audience } = config;
      switch (config.kind) {
        case 'signer':
          return checkIdentityToken(await sign(config, workload), workload, {
            issuer: config.issuer,
            audience,
            now: clock.wall(),
          });
        case 'broker':
          return checkIdentityToken(await askBroker(config, workload.wallet, options), workload, {
            audience,
            now: clock.wall(),
          });
        case 'file':
          return checkIdentityToken(await readTokenFile(config), workload, { audience, now: clock.wall() });
      }
    },
  };
}

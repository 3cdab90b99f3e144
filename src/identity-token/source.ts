/**
 * Where a workload's identity token comes from: signer, broker or file, and the same check of the claims behind each of
 * them. Nothing else makes an {@link IdentityToken}.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Workload } from '../workload/workload.ts';
import { createBrokerClient } from './broker.ts';
import { checkIdentityToken } from './check.ts';
import { readTokenFile } from './file.ts';
import type { IdentityTokenSource, TokenOptions } from './identity-token.ts';
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

/** @param deps.keys shared with what publishes the JWKS; default: stores of its own */
export function createIdentityTokenSource(deps: { clock: Clock; log?: Logger; keys?: KeyStores }): IdentityTokenSource {
  const { clock } = deps;
  const sign = createSigner({ keys: deps.keys ?? createKeyStores(deps), clock });
  const askBroker = createBrokerClient({ clock });

  function jwtOf(workload: Workload, options: TokenOptions | undefined): Promise<string> {
    const config = workload.identityToken;
    switch (config.kind) {
      case 'signer':
        return sign(config, workload);
      case 'broker':
        return askBroker(config, workload.wallet, options);
      case 'file':
        return readTokenFile(config);
    }
  }

  return {
    async get(workload, options) {
      const { identityToken } = workload;
      const { audience } = identityToken;
      const issuer = identityToken.kind === 'signer' ? { issuer: identityToken.issuer } : {};
      return checkIdentityToken(await jwtOf(workload, options), workload, { ...issuer, audience, now: clock.wall() });
    },
  };
}

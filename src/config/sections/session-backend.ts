/**
 * The section `callers.session_backend`: a backend that says whose a presented session is.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { key, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import { caFile } from '../secrets/pem.ts';
import type { CallerListener, SessionBackendConfig } from '../types.ts';
import { checkInsecure } from '../urls.ts';
import { allowInsecureHttpKey, anyWalletKey, listenersKey, walletsKey } from './shared-keys.ts';

export const sessionBackend = section({
  url: key(s.url, { doc: 'The backend.', required: 'the backend, https://…', example: 'https://backend.example.com' }),
  listeners: listenersKey,
  any_wallet: anyWalletKey,
  wallets: walletsKey,
  cache_ttl: key(s.duration(0, 30_000), { doc: 'How long an answer is kept.', default: '30s' }),
  ca_file: key(s.path, { doc: 'Certificates that the backend is verified with.', example: 'ca.pem' }),
  allow_insecure_http: allowInsecureHttpKey,
});

type SessionBackendDraft = z.output<typeof sessionBackend>;

export function resolveSessionBackend(at: LoadContext, draft: SessionBackendDraft): SessionBackendConfig | undefined {
  const listeners = listenersOf(at.at('listeners'), draft.listeners);
  const wallets = walletsOf(at, draft);
  if (draft.url === undefined) return undefined;
  checkInsecure(at.at('url'), draft.url, draft.allow_insecure_http);
  return {
    url: draft.url,
    listeners,
    wallets,
    cacheTtlMs: draft.cache_ttl,
    ...(draft.ca_file !== undefined && { caFile: caFile(at.at('ca_file'), draft.ca_file) }),
    allowInsecureHttp: draft.allow_insecure_http,
    ...at.load.proxied,
  };
}

/** @param at the key `listeners` */
export function listenersOf(at: LoadContext, listeners: readonly CallerListener[] | undefined): CallerListener[] {
  if (listeners?.length === 0) at.error('empty; say where this counts: [endpoint] or [broker]');
  if (listeners?.includes('broker') && !at.load.issues.isWritten(['broker'])) {
    at.warn('names the broker, which is not switched on (broker: {…})');
  }
  return [...new Set(listeners ?? [])];
}

/** Which wallets others may name. It must be said: nothing is accepted by default. */
export function walletsOf(
  at: LoadContext,
  draft: Pick<SessionBackendDraft, 'any_wallet' | 'wallets'>,
): 'any' | readonly string[] {
  const hasList = at.at('wallets').isWritten;
  if (draft.any_wallet === true) {
    if (hasList) at.at('any_wallet').error('any_wallet and wallets exclude each other; keep one');
    return 'any';
  }
  if (!hasList && (draft.any_wallet === false || !at.at('any_wallet').isWritten)) {
    at.error('missing any_wallet: true or wallets: […]; say which wallets it may name');
  }
  return draft.wallets ?? [];
}

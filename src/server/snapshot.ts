/**
 * Everything that is built from one configuration. It never changes: a reload builds the next snapshot and assigns it once,
 * so a request sees the old one or the new one.
 *
 * @module
 */
import type { Authenticator } from '../auth/authenticator.ts';
import { Authenticators, type AuthenticatorsDeps } from '../auth/authenticators.ts';
import { issuerUnavailable, looksLikeJwt } from '../auth/jwt.ts';
import { withoutScheme } from '../auth/static-tokens.ts';
import type { CallerListener, Config } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { SessionBackendUnavailable } from '../lib/errors.ts';
import { inSlices } from '../lib/slices.ts';
import { withTimeout } from '../lib/timeout.ts';
import { type ListenerSettings, listenerSettings } from './listeners.ts';

export interface Snapshot {
  readonly config: Config;
  readonly authenticators: Authenticators;
  readonly listeners: ListenerSettings;
}

/** How long a request at the endpoint waits for a backend or an issuer: its clients give up after a second. */
const ENDPOINT_TIMEOUT_MS = 900;

/** @param previous the current snapshot at a reload; what outlives the reload is carried over from it */
export async function buildSnapshot(config: Config, deps: AuthenticatorsDeps, previous?: Snapshot): Promise<Snapshot> {
  const authenticators = await inSlices(Authenticators.build(config, deps, previous?.authenticators));
  return Object.freeze({ config, authenticators, listeners: listenerSettings(config) });
}

/**
 * Authentication at one listener by the current snapshot. After a reload while an issuer or a backend was asked, the new
 * snapshot authenticates again, so every caller is one of the current configuration.
 */
export function currentAuthenticator(listener: CallerListener, current: () => Snapshot, clock: Clock): Authenticator {
  const authenticate: Authenticator['authenticate'] = authorization => {
    const { authenticators } = current();
    const found = authenticators[listener].authenticate(authorization);
    if (!(found instanceof Promise)) return found;
    return found.then(caller => (current().authenticators === authenticators ? caller : authenticate(authorization)));
  };
  if (listener !== 'endpoint') return { authenticate };
  return {
    authenticate: authorization => {
      const found = authenticate(authorization);
      return found instanceof Promise
        ? withTimeout(found, ENDPOINT_TIMEOUT_MS, clock, () => late(authorization))
        : found;
    },
  };
}

function late(authorization: string | undefined): Error {
  return looksLikeJwt(withoutScheme(authorization ?? ''))
    ? issuerUnavailable(`no keys within ${ENDPOINT_TIMEOUT_MS} ms`)
    : new SessionBackendUnavailable('the session backend has not answered in time; ask again');
}

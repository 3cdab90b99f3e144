/**
 * What `dev` has in place of an AWS account: the issuer's documents and the STS emulator on one port.
 *
 * @module
 */
import { Hono } from 'hono';
import type { Config } from '../../../config/types.ts';
import { createStsEmulator, type Listening, walletTrustPolicy } from '../../../emulator/index.ts';
import { listen } from '../../../emulator/listen.ts';
import { createHostGuard } from '../../../http/host-guard.ts';
import { createWellKnownApp } from '../../../http/oidc/well-known.ts';
import { createKeyStore } from '../../../identity-token/keys/index.ts';
import type { Clock } from '../../../lib/clock.ts';
import { errorFields, type Logger } from '../../../lib/log.ts';

export type DevIssuer = Listening;

/** A session as long as a role can allow; `dev` asks for less. */
const MAX_SESSION_SECONDS = 43_200;

/** @throws the listener's own error for a port in use */
export function startDevIssuer(options: {
  host: string;
  port: number;
  keysDir: string;
  role: string;
  config: Config;
  clock: Clock;
  log: Logger;
}): Promise<DevIssuer> {
  const { host, port, keysDir, role, config, clock, log } = options;
  const { walletTag } = config;
  const { identityToken } = config.defaults;
  if (identityToken.kind !== 'signer') throw new TypeError('dev signs by itself');
  const { issuer, audience } = identityToken;
  const accountId = '000000000000';
  const sts = createStsEmulator({
    clock,
    accountId,
    issuers: [{ issuer, audiences: [audience] }],
    roles: [
      {
        arn: role,
        trustPolicy: walletTrustPolicy({ accountId, issuer, audience, walletTag }),
        maxSessionDuration: MAX_SESSION_SECONDS,
      },
    ],
  });
  const keys = createKeyStore({ dir: keysDir, purpose: 'dev', clock, log });
  const hostAllowed = createHostGuard();
  const app = new Hono();
  app.use(async (c, next) => {
    if (!hostAllowed(c.req.header('host') ?? 'localhost')) return c.text('this Host is not served here\n', 403);
    return next();
  });
  app.onError((error, c) => {
    log.error(errorFields(error), 'the issuer failed');
    return c.text(`${errorFields(error).message}\n`, 503);
  });
  app.on(['GET', 'POST'], '/', c => sts.app.fetch(c.req.raw, c.env));
  app.route('/', createWellKnownApp({ issuer, keys: () => keys.current(), clock, walletTag }));
  return listen(app, { port, host });
}

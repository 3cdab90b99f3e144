/**
 * Keys that several sections have.
 *
 * @module
 */
import { key, some } from '../keys.ts';
import * as s from '../scalars.ts';

export const allowInsecureHttpKey = key(s.flag, {
  doc: 'Permits plain http to another machine.',
  default: 'false',
});

export const audienceKey = key(s.text, { doc: 'The `aud` of the JWT.', default: 'sts.amazonaws.com' });

export const listenersKey = key(some(s.oneOf('endpoint', 'broker')), {
  doc: 'The listeners where this counts.',
  required: 'say where this counts: [endpoint] or [broker]',
  example: '[endpoint]',
});

export const anyWalletKey = key(s.flag, {
  doc: 'Accepts any wallet. Excludes `wallets`.',
  otherwise: '`wallets` is needed',
});

export const walletsKey = key(some(s.wallet), {
  doc: 'The wallets that are accepted. Excludes `any_wallet`.',
  example: '["0x52908400098527886E0F7030069857D2E4169EE7"]',
});

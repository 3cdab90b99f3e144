/**
 * The section `admin`: health, metrics and the status page.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { isLoopback } from '../../lib/addresses.ts';
import { key, section, some } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import { tokenFromFile } from '../secrets/tokens.ts';
import type { AdminConfig } from '../types.ts';
import { LOOPBACK_ONLY } from './broker.ts';
import { addressesOf, allowRemoteKey, maxConnectionsKey, tlsKey } from './listener.ts';

export const admin = section({
  listen: key(some(s.address), {
    doc: 'Addresses for plain http, or for https where `tls` has none of its own. `[]` switches it off.',
    default: ['127.0.0.1:9112'],
  }),
  tls: tlsKey,
  allow_remote: allowRemoteKey,
  token_file: key(s.path, {
    doc: 'The admin token; generated if the file is missing. Without it names, errors, metrics and the status page are closed.',
    example: 'tokens/admin',
  }),
  max_connections: maxConnectionsKey,
});

export function resolveAdmin(at: LoadContext, draft: z.output<typeof admin>): AdminConfig {
  const addresses = addressesOf(at, draft, LOOPBACK_ONLY);
  const token = draft.token_file && tokenFromFile(at.at('token_file'), draft.token_file, { what: 'the token file' });
  const open = at.load.dev && addresses.listen.every(({ host }) => isLoopback(host)) && addresses.tls === undefined;
  return { ...addresses, ...(token && { token }), open, maxConnections: draft.max_connections };
}

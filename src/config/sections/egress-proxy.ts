/**
 * The key `egress_proxy`: the proxy for calls to STS, brokers, issuers and session backends.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { type EgressProxy, parseEgressProxy, parseNoProxy } from '../../lib/egress-proxy.ts';
import { InvalidValue } from '../../lib/invalid-value.ts';
import { key } from '../keys.ts';
import * as s from '../scalars.ts';

export const egressProxy = key(s.egressProxy, {
  doc: 'The HTTP proxy for https to other machines: `env` for `HTTPS_PROXY`, a URL (`http://user:password@host:port`), or `none`. `NO_PROXY` names the exceptions. The start-up log says which is used.',
  default: 'env',
});

/**
 * @param env for `HTTPS_PROXY` and `NO_PROXY`, in either case; lower case counts first, as for curl
 * @param error takes what is wrong with the variable
 */
export function egressProxyOf(
  draft: z.output<typeof egressProxy>,
  env: NodeJS.ProcessEnv,
  error: (message: string) => void,
): EgressProxy | undefined {
  const noProxy = env['no_proxy'] || env['NO_PROXY'] || '';
  if (draft === 'none') return undefined;
  if (draft !== 'env') return { ...draft, noProxy: parseNoProxy(noProxy) };
  const name = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY';
  const value = env[name];
  if (!value) return undefined;
  try {
    return parseEgressProxy(value, noProxy);
  } catch (problem) {
    if (!(problem instanceof InvalidValue)) throw problem;
    error(`the variable ${name}: ${problem.message}`);
    return undefined;
  }
}

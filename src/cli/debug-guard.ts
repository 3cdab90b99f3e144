/**
 * What `serve` refuses to run with: switches that open the process's memory to others, or that end TLS verification.
 *
 * @module
 */
import { UsageError } from '../lib/errors.ts';

/** A configuration file of node's own may hold any of the others. */
const OPENS_MEMORY =
  /^--(inspect|heapsnapshot-|report-|diagnostic-dir|heap-prof|cpu-prof|tls-keylog|trace-tls|experimental-(default-)?config-file)/;

/**
 * @param execArgv node's own arguments
 * @param env `NODE_OPTIONS`, `NODE_TLS_REJECT_UNAUTHORIZED` and `WALLETCREDS_ALLOW_DEBUG` are looked at
 * @throws UsageError that names the switch and the mend
 */
export function refuseDebugging(execArgv: readonly string[], env: NodeJS.ProcessEnv): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new UsageError(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of every certificate; unset it and name the CA with ca_file',
    );
  }
  if (env['WALLETCREDS_ALLOW_DEBUG'] === '1') return;
  const options = (env['NODE_OPTIONS'] ?? '').split(/\s+/).map(option => option.replace(/^["']|["']$/g, ''));
  for (const [from, list] of [
    ['node', execArgv],
    ['NODE_OPTIONS', options],
  ] as const) {
    const found = list.map(option => option.replace(/_/g, '-')).find(option => OPENS_MEMORY.test(option));
    if (found !== undefined) {
      throw new UsageError(
        `${from} was given ${found.split('=')[0]}, which lets others read keys and credentials out of this process; remove it, or set WALLETCREDS_ALLOW_DEBUG=1 if you know why`,
      );
    }
  }
}

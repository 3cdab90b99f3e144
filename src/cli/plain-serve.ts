/**
 * `serve` as containers start it, told apart without a library for command lines, which takes as long to load as the
 * configuration to read.
 *
 * @module
 */

/** What `--config` and `WALLETCREDS_CONFIG` leave out. */
export const DEFAULT_CONFIG = 'walletcreds.yaml';

/**
 * @returns the configuration's path for `serve` and `serve --config FILE`; undefined for any other command line, which is
 *   judged by the whole program
 */
export function plainServe(args: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const [verb, flag, file, ...more] = args;
  if (verb !== 'serve' || more.length > 0) return undefined;
  if (flag === undefined) return env['WALLETCREDS_CONFIG'] || DEFAULT_CONFIG;
  return flag === '--config' && file !== undefined && /^[^-]/.test(file) ? file : undefined;
}

/**
 * Stands in the bundle where the AWS SDK's default chain of credential providers would be: this program has none. Web
 * identity is unsigned, so nothing asks for one; should anything ever do, it fails here instead of finding a key in the
 * environment, a profile or a metadata service.
 *
 * @module
 */

/** @throws Error, always */
export function defaultProvider(): () => Promise<never> {
  return () => Promise.reject(new Error('walletcreds uses no AWS credentials of its own'));
}

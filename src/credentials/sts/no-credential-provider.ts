/**
 * Replaces the AWS SDK's default chain of credential providers in the bundle. Web identity is unsigned, so nothing asks
 * for credentials. If anything does, it fails here and finds no key in the environment, a profile or a metadata
 * service.
 *
 * @module
 */

/** @throws Error, always */
export function defaultProvider(): () => Promise<never> {
  return () => Promise.reject(new Error('walletcreds uses no AWS credentials of its own'));
}

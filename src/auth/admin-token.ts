/**
 * Decides who may see names, errors and metrics: a client with the admin token, or every client where `dev` opens it.
 *
 * @module
 */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AdminConfig } from '../config/types.ts';
import { withoutScheme } from './static-tokens.ts';

/** @param access read at each request, so that a reload takes effect */
export function createAdminAccess(
  access: () => Pick<AdminConfig, 'token' | 'open'>,
): (authorization: string | undefined) => boolean {
  const key = createSecretKey(randomBytes(32));
  const macOf = (value: string) => createHmac('sha256', key).update(value).digest();
  return authorization => {
    const { token, open } = access();
    if (open) return true;
    const shown = macOf(authorization === undefined ? '' : withoutScheme(authorization));
    const equal = timingSafeEqual(shown, macOf(token?.value ?? ''));
    return equal && token !== undefined && token.value !== '';
  };
}

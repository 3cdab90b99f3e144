/**
 * How this floor raises its errors: one place that masks whatever text came from elsewhere.
 *
 * @module
 */
import { StsUnavailable } from '../../lib/errors.ts';
import { masked } from '../../lib/text/masked.ts';

export { StsRefused, StsUnavailable } from '../../lib/errors.ts';

/** A failure that may pass; the message is cut and JWT-like strings in it are masked. */
export function unavailable(
  message: string,
  options?: { requestId?: string | undefined; cause?: Error },
): StsUnavailable {
  return new StsUnavailable(masked(message), options);
}

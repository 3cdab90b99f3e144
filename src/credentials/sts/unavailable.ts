/**
 * Raises the exchange's transient failures: one place masks text that came from elsewhere.
 *
 * @module
 */
import { StsUnavailable } from '../../lib/errors.ts';
import { masked } from '../../lib/text/masked.ts';

export { StsRefused, StsUnavailable } from '../../lib/errors.ts';

/** A transient failure. The message is cut, and JWT-like strings in it are masked. */
export function unavailable(
  message: string,
  options?: { requestId?: string | undefined; throttled?: boolean; cause?: Error },
): StsUnavailable {
  return new StsUnavailable(masked(message), options);
}

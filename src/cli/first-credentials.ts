/**
 * Waits for the first credentials of `exec`'s own endpoint. Many SDKs ask once and give up, so a program starts when
 * credentials are there. It doesn't start where the failure is permanent.
 *
 * @module
 */

import type { WorkloadStatus } from '../credentials/vending.ts';
import type { Clock } from '../lib/clock.ts';
import { RelayedError } from '../lib/errors.ts';

const LOOK_EVERY_MS = 20;

/** There are no credentials, so the program is not started. */
export class NoCredentials extends RelayedError {
  readonly kind = 'NoCredentials';
}

/** @throws NoCredentials with the code of what went wrong: at once where it is final, else after `timeoutMs` */
export function firstCredentials(
  status: () => readonly WorkloadStatus[],
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<void> {
  const until = clock.monotonic() + timeoutMs;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const [workload] = status();
      const error = workload?.lastError;
      if (workload?.hadCredentials === true) resolve();
      else if (error !== undefined && !error.transient) reject(new NoCredentials(error.code, error.message));
      else if (clock.monotonic() >= until) {
        const why = error === undefined ? 'STS has not answered' : error.message;
        reject(
          new NoCredentials(error?.code ?? 'StsUnavailable', `no credentials within ${timeoutMs / 1_000} s: ${why}`),
        );
      } else clock.schedule(look, LOOK_EVERY_MS);
    };
    look();
  });
}

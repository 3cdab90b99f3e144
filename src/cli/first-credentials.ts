/**
 * Waits for the first credentials of `exec`'s own endpoint: a program is started once they are there, since many SDKs ask
 * once and give up, and not at all where asking again won't help.
 *
 * @module
 */

import type { WorkloadStatus } from '../credentials/vending.ts';
import type { Clock } from '../lib/clock.ts';
import { RelayedError } from '../lib/errors.ts';

const LOOK_EVERY_MS = 20;

/** No credentials, so no program. */
export class NoCredentials extends RelayedError {
  readonly kind = 'NoCredentials';
}

/** @throws NoCredentials with the code of what went wrong: at once where it is final, else after `patienceMs` */
export function firstCredentials(
  status: () => readonly WorkloadStatus[],
  { clock, patienceMs }: { readonly clock: Clock; readonly patienceMs: number },
): Promise<void> {
  const until = clock.monotonic() + patienceMs;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const [workload] = status();
      const error = workload?.lastError;
      if (workload?.hadCredentials === true) resolve();
      else if (error !== undefined && !error.transient) reject(new NoCredentials(error.code, error.message));
      else if (clock.monotonic() >= until) {
        const why = error === undefined ? 'STS has not answered' : error.message;
        reject(
          new NoCredentials(error?.code ?? 'StsUnavailable', `no credentials within ${patienceMs / 1_000} s: ${why}`),
        );
      } else clock.schedule(look, LOOK_EVERY_MS);
    };
    look();
  });
}

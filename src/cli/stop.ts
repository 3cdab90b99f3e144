/**
 * Being asked to stop.
 *
 * @module
 */

const STOPS = ['SIGTERM', 'SIGINT'] as const;

/** How long the last lines of a log may wait for its reader; ms. */
const READER_PATIENCE = 250;

/** Ends the process although what it has written isn't read: a reader of the log who has stalled is no reason to stay. */
export function endSoon(): void {
  setTimeout(() => process.exit(), READER_PATIENCE).unref();
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process at once, as its sender expects. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    const onSignal = (signal: NodeJS.Signals): void => {
      for (const stop of STOPS) process.off(stop, onSignal);
      resolve(signal);
    };
    for (const stop of STOPS) process.on(stop, onSignal);
  });
}

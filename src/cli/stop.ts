/**
 * Being asked to stop.
 *
 * @module
 */

const STOPS = ['SIGTERM', 'SIGINT'] as const;

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

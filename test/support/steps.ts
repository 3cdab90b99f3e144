/**
 * Runs what the program does in slices at once.
 *
 * @module
 */
export function allSteps<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

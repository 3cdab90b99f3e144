/**
 * The key `session_duration`, of the file and of a workload.
 *
 * @module
 */
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';

const MINUTE = 60;

/** STS takes less, but SDKs then ask at nearly every call. */
const SHORT = 30 * MINUTE;

export const sessionDuration = s.seconds(15 * MINUTE, 12 * 60 * MINUTE);

/** @param at the key */
export function warnShort(at: LoadContext, seconds: number | undefined): void {
  if (seconds === undefined || seconds >= SHORT) return;
  at.warn('under 30 minutes: many SDKs then fetch credentials at nearly every call');
}

/**
 * Immutable values.
 *
 * @module
 */

/** Freezes all the way down, except below what is frozen already; maps, which can't be frozen, only in their values. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inside of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(inside);
  return Object.freeze(value);
}

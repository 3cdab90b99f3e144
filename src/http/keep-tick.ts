/**
 * Keeps one of node's ticks, so that V8 doesn't forget what a tick looks like.
 *
 * `process.nextTick`, of which a request takes ten, makes each tick by an object literal with computed keys. V8 remembers the
 * hidden class of such a literal weakly, and when a garbage collection finds no tick alive it forgets for good: from then
 * on every key of every tick is a call into its runtime. A process that is idle for eight seconds has such a collection,
 * and a request costs a sixth more ever after (14.3 µs became 16.7 at 16 connections). One tick that is held prevents it.
 *
 * @module
 */
import { executionAsyncResource } from 'node:async_hooks';

let kept: Promise<object> | undefined;

/** @returns the tick that is kept, the same each time */
export function keepTick(): Promise<object> {
  kept ??= new Promise(resolve => process.nextTick(() => resolve(executionAsyncResource())));
  return kept;
}

import { executionAsyncResource } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { keepTick } from '../../src/http/keep-tick.ts';

test('what is kept is a tick of node’s, made as every other tick is', async () => {
  const kept = await keepTick();
  const another = await new Promise<object>(resolve => process.nextTick(() => resolve(executionAsyncResource())));
  expect(another).not.toBe(kept);
  expect(kept).toHaveProperty('callback', expect.any(Function));
  expect(Reflect.ownKeys(kept)).toEqual(Reflect.ownKeys(another));
});

test('it is one tick, however many listeners there are', async () => {
  expect(await keepTick()).toBe(await keepTick());
});

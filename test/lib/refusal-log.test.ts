import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createRefusalLog } from '../../src/lib/refusal-log.ts';
import { fakeClock } from '../support/fake-clock.ts';

function kept(level?: 'error') {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const clock = fakeClock();
  return { lines, clock, refused: createRefusalLog({ log, clock, ...(level && { level }) }) };
}

it('writes ten lines a second for a reason, then one sum a minute', async () => {
  const { lines, clock, refused } = kept();
  for (let i = 0; i < 1_000; i++) refused('endpoint NotFound', { code: 'NotFound' });
  expect(lines).toHaveLength(10);
  await clock.advance(1_000);
  refused('endpoint NotFound', { code: 'NotFound' });
  expect(lines).toHaveLength(11);
  await clock.advance(58_999);
  expect(lines).toHaveLength(11);
  await clock.advance(1);
  expect(lines.at(-1)).toMatchObject({ refused: 'endpoint NotFound', count: 990 });
  await clock.advance(600_000);
  expect(lines).toHaveLength(12);
});

it('gives a reason its lines however many another one has', () => {
  const { lines, refused } = kept();
  for (let i = 0; i < 100; i++) refused('endpoint NotFound', {});
  refused('endpoint WorkloadMismatch', { code: 'WorkloadMismatch' });
  expect(lines.at(-1)).toMatchObject({ code: 'WorkloadMismatch', msg: 'refused' });
});

it('limits failures in the same way, as errors', async () => {
  const { lines, clock, refused } = kept('error');
  for (let i = 0; i < 100; i++) refused('IssuerUnavailable', {});
  await clock.advance(60_000);
  expect(lines).toHaveLength(11);
  expect(lines[0]).toMatchObject({ level: 50, msg: 'failed' });
  expect(lines.at(-1)).toMatchObject({ level: 50, count: 90 });
});

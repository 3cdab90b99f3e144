import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoSeconds } from '../../src/lib/time/iso.ts';

test('a date as text is rounded down to whole seconds with a literal Z', () => {
  const day = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(day, date => {
      const text = isoSeconds(date.getTime());
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Date.parse(text)).toBe(Math.floor(date.getTime() / 1000) * 1000);
    }),
  );
});

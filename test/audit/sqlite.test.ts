import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashOf } from '../../src/audit/chain.ts';
import type { StoredRow } from '../../src/audit/columns.ts';
import { createTrail } from '../../src/audit/create-trail.ts';
import { systemClock } from '../../src/clock.ts';
import { aFolder, aLog, aRow, rowsOf } from './support.ts';

async function aTrail(path = join(aFolder(), 'audit.sqlite')) {
  const { log, lines } = aLog();
  const trail = await createTrail({ kind: 'sqlite', path }, { clock: systemClock, log });
  return { trail, path, lines };
}

test('a row is in the database when append resolves, with its chain', async () => {
  const { trail, path } = await aTrail();
  await trail.append(aRow());
  const rows = rowsOf(path);
  expect(rows).toMatchObject([{ ...aRow(), id: 1, seq: 1, prev_hash: '0'.repeat(64) }]);
  expect(rows[0]?.['hash']).toBe(hashOf(rows[0] as unknown as StoredRow));
  await trail.close();
});

test('rows that come together share transactions, and each is chained to the one before it', async () => {
  const { trail, path } = await aTrail();
  await Promise.all(Array.from({ length: 500 }, (_, n) => trail.append(aRow({ access_key_id: `ASIA${n}` }))));
  const rows = rowsOf(path) as unknown as StoredRow[];
  expect(rows.map(row => row.seq)).toEqual(rows.map((_, n) => n + 1));
  for (const [n, row] of rows.entries()) {
    expect(row.hash).toBe(hashOf(row));
    if (n > 0) expect(row.prev_hash).toBe(rows[n - 1]?.hash);
  }
  await trail.close();
});

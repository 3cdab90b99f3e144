/**
 * Credentials once, while another process writes to the same audit log.
 *
 * @module
 */
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchangeOnce } from '../../src/cli/once.ts';
import { workloadOf } from '../../src/cli/workload-of.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import { type Chain, startChain } from '../support/chain.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const log = createLogger({ level: 'silent' });
let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
});
afterAll(() => chain?.close());

test('an exchange waits for an audit log that is busy, as a client of the endpoint does', async () => {
  const { config, found } = await workloadOf('a', join(chain.folder, 'walletcreds.yaml'), {}, 'exchange');
  await exchangeOnce(config, found, 'credentials', log);
  const other = new Database(join(chain.folder, 'audit.sqlite'));
  let waits = 0;
  other.exec('BEGIN IMMEDIATE');
  const wait = (ms: number) => {
    waits += 1;
    if (waits === 1) other.exec('COMMIT');
    return new Promise<void>(resolve => systemClock.schedule(resolve, ms));
  };
  const { accessKeyId } = await exchangeOnce(config, found, 'credentials', log, wait);
  expect(chain.sts.sessions.get(accessKeyId)?.sessionName).toBe(`${WALLET}@a`);
  expect(waits).toBeGreaterThan(0);
  other.close();
});

test('an exchange gives up after five tries, with the reason', { timeout: 30_000 }, async () => {
  const { config, found } = await workloadOf('a', join(chain.folder, 'walletcreds.yaml'), {}, 'exchange');
  const other = new Database(join(chain.folder, 'audit.sqlite'));
  other.exec('BEGIN IMMEDIATE');
  let waits = 0;
  const wait = async () => {
    waits += 1;
  };
  await expect(exchangeOnce(config, found, 'credentials', log, wait)).rejects.toThrow(/audit/);
  expect(waits).toBe(4);
  other.exec('ROLLBACK');
  other.close();
});

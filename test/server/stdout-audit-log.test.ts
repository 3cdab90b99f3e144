/**
 * `audit.database: stdout` with the real `serve`: a row is a line on standard output, and taking it is the condition.
 */
import { expect, it, onTestFinished } from 'vitest';
import { GENESIS, hashOf } from '../../src/audit/chain.ts';
import type { StoredRecord } from '../../src/audit/columns.ts';
import { credentialsFor, startChain, startServe, tokenOf } from '../support/chain.ts';
import { bin, cleanEnv, run } from '../support/process.ts';

const A = '0x52908400098527886e0f7030069857d2e4169ee7';
const B = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
const DOWN = "the audit log can't be written: no credentials are returned until it can";

it('each vend is a line on standard output before it is answered; without a reader nothing is given', async () => {
  const chain = await startChain();
  onTestFinished(() => chain.close());
  // One is asked beforehand, and one for the first time when nobody takes the lines any more.
  const lazily = (name: string) => `  ${name}: { wallet: "${B}", token_file: tokens/${name}, prefetch: false }\n`;
  const more = `${lazily('b')}${lazily('later')}audit: { database: stdout }\n`;
  chain.write('walletcreds.yaml', chain.yaml({ a: A }, more));
  const serve = startServe(chain);
  onTestFinished(async () => {
    serve.child.kill('SIGKILL');
    await serve.exited;
  });
  let out = '';
  serve.child.stdout?.on('data', chunk => {
    out += chunk;
  });
  const rows = () =>
    out
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as StoredRecord & { type: string });
  await serve.said('credentials from STS');
  for (const name of ['a', 'b']) {
    const { status, body } = await credentialsFor(chain, tokenOf(chain, name));
    expect(status).toBe(200);
    // It was written before; it may reach this process after the answer, which came another way.
    await expect
      .poll(() => rows().find(row => row.workload === name && row.caller_kind === 'token'))
      .toMatchObject({ type: 'mint_log', outcome: 'ok', access_key_id: JSON.parse(body).AccessKeyId, via: 'endpoint' });
  }
  // Nothing else is said there, and the lines are a chain.
  let before = GENESIS;
  for (const [index, { type, ...row }] of rows().entries()) {
    expect([row.seq, row.prev_hash, row.hash]).toEqual([index + 1, before, hashOf(row)]);
    before = row.hash ?? '';
  }

  const list = await run(process.execPath, ['--', bin, 'audit', 'list'], {
    env: cleanEnv(chain.folder),
    cwd: chain.folder,
  });
  expect([list.code, list.stderr]).toEqual([2, expect.stringContaining('audit.database is stdout')]);

  // The collector of the lines has ended.
  serve.child.stdout?.destroy();
  await expect
    .poll(async () => (await credentialsFor(chain, tokenOf(chain, 'a'))).status, { timeout: 10_000 })
    .toBe(503);
  expect(await serve.said(DOWN)).toMatchObject({ level: 'error', code: 'EPIPE' });
  const asked = chain.sts.calls.length;
  for (const name of ['a', 'later']) {
    const { status, body } = await credentialsFor(chain, tokenOf(chain, name));
    expect([status, JSON.parse(body).code]).toEqual([503, 'AuditUnavailable']);
    expect(body).not.toContain('AccessKeyId');
  }
  expect(chain.sts.calls).toHaveLength(asked);
  serve.child.kill('SIGTERM');
  expect(await serve.exited).toBe(0);
}, 60_000);

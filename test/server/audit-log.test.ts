/**
 * The audit log of the endpoint, end to end: the real `serve`, the real `audit` commands beside it, and what may go wrong with a disk.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordsIn } from '../audit/support.ts';
import { type Chain, credentialsFor, type Serving, startChain, startServe, tokenOf } from '../support/chain.ts';
import { bin, cleanEnv, type Finished, run } from '../support/process.ts';
import { ask } from '../support/request.ts';

const A = '0x52908400098527886e0f7030069857d2e4169ee7';
const B = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
const DOWN = "the audit log can't be written: no credentials are returned until it can";
const BACK = 'the audit log is written again';
/** A record covers vends for a second, and is given up after half a second in writing. */
const UNCOUNTED_MS = 1_500;

async function aChain(): Promise<Chain> {
  const chain = await startChain();
  onTestFinished(() => chain.close());
  return chain;
}

async function serving(chain: Chain): Promise<Serving> {
  const serve = startServe(chain);
  onTestFinished(async () => {
    serve.child.kill('SIGKILL');
    await serve.exited;
  });
  await serve.said('serving');
  return serve;
}

const walletcreds = (chain: Chain, ...args: string[]): Promise<Finished> =>
  run(process.execPath, ['--', bin, ...args], { env: cleanEnv(chain.folder), cwd: chain.folder });

async function audit(chain: Chain, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await walletcreds(chain, 'audit', ...args);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
  return stdout;
}

interface Given {
  readonly workload: string;
  readonly key: string;
  readonly at: number;
}

/** Clients that ask again and again until told to stop, or until nobody answers any more. */
function clients(chain: Chain, workloads: readonly string[], each: number) {
  const given: Given[] = [];
  const agent = new Agent({ keepAlive: true });
  let over = false;
  const client = async (workload: string) => {
    const Authorization = tokenOf(chain, workload);
    while (!over) {
      const answer = await ask({ port: chain.port, path: '/v1/credentials', headers: { Authorization }, agent }).catch(
        () => undefined,
      );
      if (answer === undefined) return;
      if (answer.status === 200)
        given.push({ workload, key: JSON.parse(answer.body).AccessKeyId, at: performance.now() });
    }
  };
  const done = Promise.all(workloads.flatMap(workload => Array.from({ length: each }, () => client(workload))));
  return {
    given,
    async stop() {
      over = true;
      await done;
      agent.destroy();
    },
  };
}

describe('the audit log of serve', () => {
  it('after a kill in the middle of vends from memory: a record for everything that was given, the last second’s counts alone are lost', async () => {
    const chain = await aChain();
    const database = join(chain.folder, 'audit.sqlite');
    chain.write('walletcreds.yaml', chain.yaml({ a: A, b: B }));
    const serve = await serving(chain);
    const load = clients(chain, ['a', 'b'], 4);
    const counted = (workload: string) =>
      recordsIn(database, `caller_kind = 'token' AND outcome = 'ok' AND workload = '${workload}'`);
    await expect
      .poll(() => Math.min(counted('a').length, counted('b').length), { timeout: 30_000, interval: 100 })
      .toBeGreaterThanOrEqual(4);
    serve.child.kill('SIGKILL');
    const killedAt = performance.now();
    expect(await serve.exited).toBeNull();
    await load.stop();

    for (const workload of ['a', 'b']) {
      const given = load.given.filter(each => each.workload === workload);
      const records = counted(workload);
      expect(new Set(records.map(record => record['access_key_id']))).toEqual(new Set(given.map(({ key }) => key)));
      const sum = records.reduce((total, record) => total + Number(record['count']), 0);
      const late = given.filter(({ at }) => at > killedAt - UNCOUNTED_MS).length;
      expect(sum).toBeGreaterThanOrEqual(given.length - late);
      // A busy machine may write a record after its answers were withheld: another record says so.
      const withheld = recordsIn(database, `outcome_detail = 'withheld' AND workload = '${workload}'`);
      const released = withheld.reduce((total, record) => total - Number(record['count']), sum);
      expect(released).toBeLessThanOrEqual(given.length + 4);
      expect(late).toBeLessThan(given.length);
    }
    expect(await audit(chain, 'verify')).toContain('in 1 chains: intact');

    await serving(chain);
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    expect(await audit(chain, 'verify')).toContain('in 2 chains: intact');
  }, 60_000);

  it('is read, verified, exported and pruned by the commands while it is written', async () => {
    const chain = await aChain();
    chain.write('walletcreds.yaml', chain.yaml({ a: A, b: B }));
    const serve = await serving(chain);
    await serve.said('credentials from STS', 2);
    const load = clients(chain, ['a', 'b'], 1);
    await serve.said('vended', 20);
    expect((await credentialsFor(chain, 'f'.repeat(64))).status).toBe(401);

    const callers = JSON.parse(await audit(chain, 'list', '--callers', '--json'));
    const known = callers.filter((each: { workload: string | null }) => each.workload !== null);
    expect(new Set(known.map((each: { requester_wallet: string }) => each.requester_wallet))).toEqual(new Set([A, B]));
    expect(await audit(chain, 'list', '--callers')).toMatch(/CALLER +WALLET/);
    const records = JSON.parse(await audit(chain, 'list', '--workload', 'b', '--outcome', 'ok', '--json'));
    expect(new Set(records.map((record: { requester_wallet: string }) => record.requester_wallet))).toEqual(
      new Set([B]),
    );
    expect(records.map((record: { access_key_id: string }) => record.access_key_id)).toContain(
      load.given.find(({ workload }) => workload === 'b')?.key,
    );
    const lines = (await audit(chain, 'export', '--format', 'jsonl')).trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line).id)).toEqual(lines.map((_, n) => n + 1));
    const [header, ...fields] = (await audit(chain, 'export', '--format', 'csv', '--workload', 'a'))
      .trimEnd()
      .split('\n');
    expect(header).toMatch(/^id,minted_at,requester_token_hash,.*,hash$/);
    expect(fields.length).toBeGreaterThanOrEqual(2);
    expect(fields.every(line => line.includes(A))).toBe(true);

    chain.write('heads', await audit(chain, 'heads'));
    expect(await audit(chain, 'verify', '--heads', 'heads')).toMatch(/intact\n1 heads were compared/);
    expect(await audit(chain, 'prune', '--before', '2020-01-01', '--yes')).toContain('0 records of 0 chains');
    const would = await audit(chain, 'prune', '--before', '2020-01-01T00:00:00Z');
    expect(would).toContain('would be pruned');

    // All that is there, from under the writer.
    const pruned = JSON.parse(await audit(chain, 'prune', '--before', '0s', '--yes', '--json'));
    expect(pruned).toMatchObject({ pruned: true, ranges: [{ first_seq: 1 }] });
    expect(pruned.records).toBeGreaterThanOrEqual(4);
    const vended = serve.lines.filter(({ msg }) => msg === 'vended').length;
    await serve.said('vended', vended + 20);
    // A record of pruning counts with heads from after it.
    chain.write('heads', await audit(chain, 'heads'));
    expect(await audit(chain, 'verify', '--heads', 'heads')).toMatch(/pruned: writer [0-9a-f]{16} up to number/);
    await load.stop();
    serve.child.kill('SIGTERM');
    expect(await serve.exited).toBe(0);
    expect(serve.text()).not.toContain(DOWN);

    // The log of the process is as good as what `audit heads` printed.
    chain.write('serve.log', serve.text());
    expect(await audit(chain, 'verify', '--heads', 'serve.log')).toMatch(/intact\n\d+ heads were compared/);
    const last = recordsIn(join(chain.folder, 'audit.sqlite')).at(-1);
    expect(serve.lines.some(({ seq, hash }) => seq === last?.['seq'] && hash === last?.['hash'])).toBe(true);
  }, 60_000);

  /** `later` is asked for the first time while the audit log is down. */
  const withAuditLog = (chain: Chain, path: string) =>
    chain.write(
      'walletcreds.yaml',
      `${chain.yaml({ a: A })}\n  later: { wallet: "${B}", token_file: tokens/later, prefetch: false }\naudit: { database: "file:${path}" }\n`,
    );

  /** While the audit log is down: no credentials from memory, no exchange, and the same 503 for both. */
  async function nothingIsGiven(chain: Chain, serve: Serving): Promise<void> {
    await expect
      .poll(async () => (await credentialsFor(chain, tokenOf(chain, 'a'))).status, { timeout: 10_000 })
      .toBe(503);
    await serve.said(DOWN);
    const asked = chain.sts.calls.length;
    for (const name of ['a', 'later']) {
      const { status, headers, body } = await credentialsFor(chain, tokenOf(chain, name));
      expect([status, JSON.parse(body).code, headers['retry-after']]).toEqual([503, 'AuditUnavailable', '1']);
      expect(body).not.toContain('AccessKeyId');
    }
    expect(chain.sts.calls).toHaveLength(asked);
  }

  async function isGivenAgain(chain: Chain, serve: Serving, database: string): Promise<void> {
    await serve.said(BACK);
    for (const name of ['a', 'later']) {
      const status = async () => (await credentialsFor(chain, tokenOf(chain, name))).status;
      await expect.poll(status, { timeout: 15_000 }).toBe(200);
    }
    const records = recordsIn(database);
    expect(records.map(record => record['outcome'])).toContain('recovered');
    expect(records.filter(record => record['workload'] === 'later' && record['outcome'] === 'ok')).not.toEqual([]);
    expect(await audit(chain, 'verify')).toContain('intact');
  }

  it('a disk that fills up: 503, nothing given or asked of STS; with space again it goes on automatically', async context => {
    const chain = await aChain();
    const disk = join(chain.folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'walletcreds-test', disk], { stdio: 'pipe' });
    } catch (error) {
      context.skip(`no small disk to fill (mount needs root): ${String(error).split('\n')[0]}`);
    }
    onTestFinished(() => void execFileSync('umount', ['-l', disk], { stdio: 'pipe' }));
    withAuditLog(chain, 'disk/audit.sqlite');
    const serve = await serving(chain);
    await serve.said('credentials from STS');
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    const filler = join(disk, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(2 ** 21))).toThrow(/ENOSPC/);
    await nothingIsGiven(chain, serve);
    rmSync(filler);
    await isGivenAgain(chain, serve, join(disk, 'audit.sqlite'));
  }, 60_000);

  it('a folder that is removed with the audit log in it: 503 until it is there again', async () => {
    const chain = await aChain();
    const folder = join(chain.folder, 'audit');
    mkdirSync(folder);
    withAuditLog(chain, 'audit/audit.sqlite');
    const serve = await serving(chain);
    await serve.said('credentials from STS');
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    rmSync(folder, { recursive: true });
    await nothingIsGiven(chain, serve);
    mkdirSync(folder);
    await isGivenAgain(chain, serve, join(folder, 'audit.sqlite'));
  }, 60_000);

  it('a file that is removed: what is given from then on has its record in a new one, which names the last head of the old', async () => {
    const chain = await aChain();
    const database = join(chain.folder, 'audit.sqlite');
    withAuditLog(chain, 'audit.sqlite');
    const serve = await serving(chain);
    await serve.said('credentials from STS');
    for (const ending of ['', '-wal', '-shm']) rmSync(database + ending, { force: true });
    // A machine with other work may take longer to open another file than a request waits.
    const asked = async () => {
      const { status, body } = await credentialsFor(chain, tokenOf(chain, 'later'));
      return status === 200 ? String(JSON.parse(body).AccessKeyId) : undefined;
    };
    const key = await expect.poll(asked, { timeout: 10_000 }).toBeDefined().then(asked);
    const records = recordsIn(database);
    expect(records[0]).toMatchObject({
      outcome: 'recovered',
      outcome_detail: expect.stringContaining('last head'),
    });
    expect(records).toContainEqual(expect.objectContaining({ outcome: 'ok', workload: 'later', access_key_id: key }));
    const line = await serve.said(
      `${database} was removed while it was in use; the first record of the new one names the last head of the old one`,
    );
    expect(line).toMatchObject({ level: 'error', code: 'AuditReplaced' });
    expect(await audit(chain, 'verify')).toContain('intact');
  });
});

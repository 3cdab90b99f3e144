import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openToRead } from '../../src/audit/database.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import { aFolder, anAuditLog, recordsIn } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Within node_modules, so that the built child finds the packages that stay outside of the bundle; as deep as the source
// of the worker's path, which is relative.
let built: string;

beforeAll(() => {
  built = mkdtempSync(join(root, 'node_modules', '.walletcreds-kill-'));
  buildSync({
    absWorkingDir: root,
    entryPoints: { child: 'test/audit/kill-child.ts' },
    outdir: join(built, 'child'),
    outExtension: { '.js': '.js' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['libsql', 'pg', 'pino'],
    logLevel: 'error',
  });
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

test.each([1, 50])(
  'a process that is killed with %i vends at a time leaves every record that it was told is durable',
  async lanes => {
    const path = join(aFolder(), 'audit.sqlite');
    const child = spawn(process.execPath, [join(built, 'child', 'child.js'), path, String(lanes)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      said += text;
      if (said.length > 4_000) child.kill('SIGKILL');
    });
    const [, signal] = await new Promise<[number | null, string | null]>(resolve =>
      child.on('close', (code, name) => resolve([code, name])),
    );
    expect(signal).toBe('SIGKILL');
    const durable = said.split('\n').slice(0, -1);
    expect(durable.length).toBeGreaterThan(100);
    // The next start finds them, goes on, and the chain of the killed one is whole.
    const { auditLog } = await anAuditLog(path);
    expect(auditLog.available).toBe(true);
    const there = new Set(recordsIn(path).map(record => record['access_key_id']));
    expect(durable.filter(key => !there.has(key))).toEqual([]);
    const db = await openToRead({ kind: 'sqlite', path });
    expect(await verifyAuditLog(db)).toMatchObject({ intact: true });
    await db.close();
  },
);

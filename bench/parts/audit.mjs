/**
 * The audit log alone: records a second that are safe on disk, one after the other and with many waiting, in SQLite and in
 * PostgreSQL (Debian's server where there is one, PGlite otherwise).
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sources } from '../lib/sources.mjs';
import { summary } from '../lib/statistics.mjs';

const WAITING = [1, 64, 1_000];

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function audit({ quick, note }) {
  const ms = quick ? 300 : 1_000;
  const rounds = quick ? 3 : 7;
  const { createAuditLog, createLogger, debianPostgres, pglite, systemClock } = await sources();
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-bench-audit-'));
  const debian = await debianPostgres();
  const server = typeof debian === 'string' ? await pglite() : debian;
  const postgres = typeof debian === 'string' ? 'PGlite' : 'PostgreSQL';
  const silent = createLogger({ level: 'silent' });
  const open = config => createAuditLog(config, { clock: systemClock, log: silent, stateDir: folder });
  const stores = [
    { name: 'SQLite', auditLog: await open({ kind: 'sqlite', path: 'audit.sqlite' }) },
    { name: postgres, auditLog: await open({ kind: 'postgres', url: server.url() }) },
  ];
  const measured = {};
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { name, auditLog: store } of stores) {
        for (const waiting of WAITING) {
          const label = `${name}, ${waiting} waiting`;
          measured[label] ??= [];
          measured[label].push(await recordsPerSecond(store, waiting, ms));
        }
      }
    }
  } finally {
    for (const { auditLog: store } of stores) await store.close();
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  }
  const found = Object.fromEntries(Object.entries(measured).map(([label, values]) => [label, summary(values)]));
  for (const [label, { median }] of Object.entries(found)) note(`${label}: ${median.toFixed(0)} records/s`);
  const figures = Object.entries(found).map(([label, value]) => ({
    what: `records on disk: ${label}`,
    found: value,
    unit: '/s',
  }));
  return { recordsPerSecond: found, figures };
}

async function recordsPerSecond(store, waiting, ms) {
  const from = performance.now();
  let written = 0;
  const one = async () => {
    while (performance.now() - from < ms) {
      await store.append(event());
      written++;
    }
  };
  await Promise.all(Array.from({ length: waiting }, one));
  return written / ((performance.now() - from) / 1000);
}

function event() {
  const at = Date.now();
  return {
    type: 'credentials-vended',
    at,
    workload: {
      name: 'bench',
      wallet: `0x${'12'.repeat(20)}`,
      role: { arn: 'arn:aws:iam::000000000000:role/walletcreds-bench' },
      sessionDuration: 3_600,
    },
    requester: { kind: 'token', tokenHash: 'ab'.repeat(32) },
    via: 'endpoint',
    credentials: {
      accessKeyId: 'ASIAEXAMPLEEXAMPLE00',
      expiration: at + 3_600_000,
      requestId: '00000000-0000-0000-0000-000000000000',
    },
    source: 'fetched',
    count: 1,
  };
}

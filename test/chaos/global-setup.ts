/**
 * Collects the rows of a run, prints them as a table, and with `CHAOS_WRITE=1` puts them into docs/reliability.md.
 *
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { Row } from './after.ts';
import { SECONDS, SEED } from './budget.ts';

const PAGE = new URL('../../docs/reliability.md', import.meta.url);
const MARKS = /(<!-- the table of the last run -->\n)[\s\S]*(<!-- end of the table -->)/;

export default function setup(project: TestProject): () => void {
  const rows = join(tmpdir(), `walletcreds-chaos-${process.pid}.jsonl`);
  writeFileSync(rows, '');
  project.provide('rows', rows);
  return () => {
    const lines = readFileSync(rows, 'utf8').split('\n').slice(0, -1);
    rmSync(rows);
    const text = tableOf(lines.map(line => JSON.parse(line) as Row));
    console.log(text);
    if (process.env['CHAOS_WRITE'] !== '1') return;
    writeFileSync(
      PAGE,
      readFileSync(PAGE, 'utf8').replace(MARKS, (_, begin, end) => `${begin}\n${text}\n${end}`),
    );
  };
}

function tableOf(rows: readonly Row[]): string {
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '-';
  const today = new Date().toISOString().slice(0, 10);
  return [
    `${today}, Node ${process.versions.node}, ${cpus().length} cores, ${SECONDS} s, seed ${SEED}.`,
    '',
    '| Fault | Rounds | Vends | Other answers | p99 of cached, ms | Upstream calls | Slowest recovery, s |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...rows.map(row =>
      [
        `| ${row.scenario}`,
        row.rounds,
        row.vends,
        row.others,
        number(row.p99, 1),
        row.upstream,
        `${number(row.recovery, 1)} |`,
      ].join(' | '),
    ),
    '',
  ].join('\n');
}

/**
 * `npm run bench`: how fast, how small, how soon, against baselines that are measured in the same run.
 *
 *   npm run bench                        all of it, about ten minutes
 *   npm run bench -- --quick             shorter rounds, about two minutes
 *   npm run bench -- --only start,memory some parts
 *   npm run bench -- --no-build          dist/ as it is
 *
 * It compares with the targets and doesn't fail: a loaded machine is no fault of the code. Run it where nothing else runs.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from './lib/machine.mjs';
import { root } from './lib/program.mjs';
import { table } from './lib/table.mjs';

const PARTS = ['endpoint', 'start', 'memory', 'storm', 'flood', 'broker', 'audit'];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    'no-build': { type: 'boolean', default: false },
  },
});
const wanted = values.only?.split(',') ?? PARTS;
const unknown = wanted.filter(name => !PARTS.includes(name));
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(',')}: no such part; there are ${PARTS.join(', ')}`);
  process.exit(2);
}

if (!values['no-build']) execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
const report = { at: new Date().toISOString(), quick: values.quick, machine: machine(), parts: {} };
const figures = [];
for (const name of wanted) {
  console.log(`\n${name}`);
  const part = (await import(`./parts/${name}.mjs`))[name];
  const result = await part({ quick: values.quick, note: text => console.log(`  ${text}`) });
  report.parts[name] = result;
  figures.push(...result.figures);
}

const { cpu, cores, node, pinned, loadAverage } = report.machine;
console.log(
  `\n${cpu}, ${cores} cores, node ${node}${pinned ? ', server and client pinned to a core each' : ''}, load before ${loadAverage}`,
);
console.log(table(figures));
const results = join(root, 'bench/results');
mkdirSync(results, { recursive: true });
const file = join(results, `${report.at.replace(/[:.]/g, '-')}.json`);
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\n${relative(process.cwd(), file)}`);

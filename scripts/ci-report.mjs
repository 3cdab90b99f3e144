// Reads what vitest's JSON reporter wrote, for one or more runs of the same suite.
//
//   node scripts/ci-report.mjs REPORT…           each run's numbers and every skipped test; exit 1 if there is one, or no test at all
//   node scripts/ci-report.mjs --total REPORT…   one line: a test has passed if it passed in every run
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const total = process.argv[2] === '--total';
const reports = process.argv.slice(total ? 3 : 2);

/** Every test of a run as [its name, passed | failed | skipped]; a file that couldn't even be loaded counts as one that failed. */
function tests(report) {
  let files;
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [[`${report} (the suite wrote no report)`, 'failed']];
  }
  return files.flatMap(file => {
    const name = relative(process.cwd(), file.name);
    const broken = file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed');
    const outcomes = { passed: 'passed', failed: 'failed' };
    const seen = new Map();
    const results = file.assertionResults.map(({ fullName, status }) => {
      const nth = (seen.get(fullName) ?? 0) + 1;
      seen.set(fullName, nth);
      return [`${name} > ${fullName}${nth > 1 ? ` (${nth})` : ''}`, outcomes[status] ?? 'skipped'];
    });
    return broken ? [[name, 'failed'], ...results] : results;
  });
}

const count = (outcomes, wanted) => outcomes.filter(outcome => outcome === wanted).length;
const line = outcomes =>
  ['passed', 'failed', 'skipped'].map(wanted => `${count(outcomes, wanted)} ${wanted}`).join(', ');

if (total) {
  const worst = new Map();
  for (const [name, outcome] of reports.flatMap(tests)) {
    const rank = ['passed', 'skipped', 'failed'];
    const before = worst.get(name) ?? 'passed';
    worst.set(name, rank[Math.max(rank.indexOf(before), rank.indexOf(outcome))]);
  }
  console.log(line([...worst.values()]));
} else {
  for (const report of reports) {
    const results = tests(report);
    console.log(`${report}: ${line(results.map(([, outcome]) => outcome))}`);
    for (const [name, outcome] of results) if (outcome === 'skipped') console.log(`  skipped: ${name}`);
    if (results.length === 0 || results.some(([, outcome]) => outcome === 'skipped')) process.exitCode = 1;
  }
}

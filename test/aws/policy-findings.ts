/**
 * The policies that `aws-setup` prints, bent by a test, and what `doctor` finds in them.
 *
 * @module
 */
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import type { Finding } from '../../src/aws/doctor/finding.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import type { Plan } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { type ConfigOptions, configOf } from './support.ts';

export const place = { bucket: 'data', prefix: 'bots/' };
type Doc = Record<string, never> & { Statement: Record<string, never>[] };
// biome-ignore lint/suspicious/noExplicitAny: documents are bent into every shape here
export type Bend = (document: any) => unknown;

export function good(options: ConfigOptions = {}) {
  const setup = setupOf(configOf(options), place);
  const copy = (value: unknown): Doc => JSON.parse(JSON.stringify(value));
  return {
    plan: setup.plan,
    trust: copy(documentOf(setup.roles[0]?.trust ?? [])),
    role: copy(documentOf(setup.roles[0]?.permissions ?? [])),
    bucket: copy(documentOf(setup.bucketPolicy)),
  };
}

export const codes = (findings: readonly Finding[]) => [...new Set(findings.map(f => `${f.severity} ${f.code}`))];

export function trustFindings(bend: Bend | undefined, plan: Plan = good().plan): Finding[] {
  const { trust } = good();
  const read = readPolicy(JSON.stringify(bend?.(trust) ?? trust), 'trust', 'trust.json');
  const tags = checkGrants(
    { role: { ...read, statements: [] }, roleName: 'trust.json', bucketName: '' },
    plan,
    undefined,
  );
  return [...read.findings, ...checkTrust(read, plan, 'trust.json'), ...tags];
}

export function grantFindings(bendRole: Bend | undefined, bendBucket: Bend | null | undefined = undefined): Finding[] {
  const { role, bucket, plan } = good();
  const r = readPolicy(JSON.stringify(bendRole?.(role) ?? role), 'identity', 'role.json');
  const b =
    bendBucket === null
      ? undefined
      : readPolicy(JSON.stringify(bendBucket?.(bucket) ?? bucket), 'resource', 'bucket.json');
  const grants = {
    role: r,
    ...(b === undefined ? {} : { bucket: b }),
    roleName: 'role.json',
    bucketName: 'bucket.json',
  };
  return [...r.findings, ...(b?.findings ?? []), ...checkGrants(grants, plan, place)];
}

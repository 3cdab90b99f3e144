/**
 * What a role's policy grants outside its bucket: other services, S3's account-wide actions, other buckets.
 *
 * @module
 */
import { matchesAction } from '../../iam/evaluate.ts';
import type { Statement } from '../../iam/policy.ts';
import type { Place, Plan, Role } from '../../plan.ts';
import AWS from '../aws-actions.json' with { type: 'json' };
import { type Finding, finding } from '../finding.ts';
import { type Asker, type Question, questionOn } from '../questions.ts';

const { write, permissions, read } = AWS.s3.other;
/** `GetDataAccess` gives credentials for whatever an access grant covers. */
const GRAVE = [
  ...AWS.permissions,
  ...[...write, ...permissions, ...read.filter(name => name === 'GetDataAccess')].map(name => `s3:${name}`),
];

/** What encrypted buckets need, and what every session may anyway. */
const FINE = /^(kms:(Decrypt|GenerateDataKey\*?|DescribeKey)|sts:GetCallerIdentity)$/i;

/**
 * Questions about actions that lead to more rights: `iam:CreateAccessKey`, `sts:AssumeRole`, `s3:CreateAccessPoint`.
 * They are asked of the resources that the statements themselves name.
 */
export function escalations(role: readonly Statement[], plan: Plan, of: Role, place: Place, asker: Asker): Question[] {
  return role
    .filter(s => s.effect === 'Allow')
    .flatMap(statement =>
      GRAVE.filter(action => matchesAction(statement, action)).flatMap(action =>
        samples(statement, action, of).map(resource =>
          questionOn({ plan, role: of, place }, asker, action, resource, true),
        ),
      ),
    );
}

/** Resources of the action's own service that a statement covers. */
function samples({ resources = [], notResource }: Statement, action: string, role: Role): string[] {
  const service = action.slice(0, action.indexOf(':'));
  const general = [`arn:${role.partition}:${service}:us-east-1:${role.account}:example/example`, role.arn];
  if (notResource) return general;
  const own = resources
    .map(text => withoutVariables(text).replace(/[*?]/g, 'x'))
    .filter(arn => arn.split(':')[2] === service && arn.split(':').length > 5);
  // A resource without an account is a bucket or an object, which no account-wide action acts on.
  const named = service === 's3' ? own.filter(arn => arn.split(':')[4] !== '') : own;
  return [...general.filter(arn => service === 'iam' || service === 'sts' || arn !== role.arn), ...named];
}

/** Grants that are of no use to a workload: of another service, or of another bucket alone. */
export function checkUseless(statement: Statement, plan: Plan, place: Place): Finding[] {
  if (statement.effect === 'Deny' || statement.notAction) return [];
  const { actions, where } = statement;
  const others = actions.filter(action => action !== '*' && !/^s3:/i.test(action) && !FINE.test(action));
  const harmless = others.filter(
    action => !GRAVE.some(grave => matchesAction({ ...statement, actions: [action] }, grave)),
  );
  const out = harmless.length === 0 ? [] : [finding('grant-extra', `it also allows ${harmless.join(', ')}`, where)];
  if (!actions.some(action => /^s3:/i.test(action)) || statement.notResource) return out;
  const bucket = `arn:${plan.partition}:s3:::${place.bucket}`;
  const elsewhere = (statement.resources ?? []).filter(text => {
    const [, , service, , account, name = ''] = text.split(':');
    return (
      service === 's3' && account === '' && /^[a-z0-9.-]+(\/|$)/.test(name) && !`${text}/`.startsWith(`${bucket}/`)
    );
  });
  if (elsewhere.length > 0) out.push(finding('grant-extra', `it names another bucket: ${elsewhere.join(', ')}`, where));
  return out;
}

/** `x` for each `${…}`: one text that a pattern with variables may stand for. */
function withoutVariables(text: string): string {
  const [first = '', ...rest] = text.split('${');
  return [first, ...rest.map(part => part.slice(part.indexOf('}') + 1))].join('x');
}

/**
 * The setup as a shell script of AWS CLI commands. It can be run again: what exists is kept or brought up to date.
 *
 * @module
 */
import type { Place, Provider, Role } from '../../plan.ts';
import { documentOf, type ExplainedStatement } from '../../policy-document.ts';
import type { AccountPlan as Plan, Revocation, Setup } from '../setup.ts';
import { commentLines } from './text.ts';

/** One word for a POSIX shell, whatever is in it. */
export function shellQuoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** A script for bash or any POSIX shell. Ends in a newline. */
export function renderCli(setup: Setup): string {
  const { plan, place } = setup;
  const blocks = [
    header(plan, `Federation of ${place.bucket}: run it with an administrator's credentials; it can be run again.`),
    ...(setup.bucketElsewhere === undefined ? [bucketLook(plan, place)] : []),
    ...plan.providers.map(provider => providerBlock(plan, provider)),
    ...setup.roles.map(({ role, trust, permissions }) => roleBlock(plan, place, role, trust, permissions)),
    setup.bucketElsewhere === undefined
      ? bucketBlock(plan, place, setup.bucketPolicy)
      : commentLines(elsewhereNote(place, setup.bucketElsewhere), '# ').join('\n'),
    [
      ...commentLines(
        'Done. Prove it: walletcreds verify WORKLOAD --bucket … shows that the own folder opens and no other does.',
        '# ',
      ),
      'echo "walletcreds: federation is set up"',
    ].join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The commands that end a wallet's sessions. */
export function renderRevocationCli(revocation: Revocation): string {
  const { plan, policyName, statements } = revocation;
  const blocks = plan.roles.map(({ name }) =>
    [
      ...reasons(statements),
      `${aws(plan, 'iam')} put-role-policy --role-name ${shellQuoted(name)} --policy-name ${shellQuoted(policyName)} \\`,
      `  --policy-document ${policyWord(plan, statements)}`,
      ...commentLines('Undo:', '# '),
      `#   ${aws(plan, 'iam')} delete-role-policy --role-name ${shellQuoted(name)} --policy-name ${shellQuoted(policyName)}`,
    ].join('\n'),
  );
  return `${[header(plan, `Ends the sessions of ${revocation.wallet}.`), ...blocks].join('\n\n')}\n`;
}

function header(plan: Plan, what: string): string {
  const ceph = plan.dialect === 'ceph';
  return [
    '#!/bin/sh',
    ...commentLines(what, '# '),
    ...(ceph
      ? commentLines(
          'For Ceph RADOS Gateway: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of a user with the caps roles=* and oidc-provider=*, who also owns the bucket. The JWKS must carry x5c (walletcreds keys generate --certificate) and the signing key first.',
          '# ',
        )
      : []),
    'set -eu',
    ...(ceph
      ? [
          `CEPH=\${CEPH:-${shellQuoted(plan.endpoint)}}    # the gateway`,
          `export AWS_DEFAULT_REGION=${shellQuoted(plan.region)}`,
        ]
      : [
          `export AWS_REGION=${shellQuoted(plan.region)} AWS_DEFAULT_REGION=${shellQuoted(plan.region)}`,
          '',
          ...commentLines('In the account of the roles, or nowhere.', '# '),
          'ACCOUNT=$(aws sts get-caller-identity --query Account --output text)',
          `if [ "$ACCOUNT" != ${shellQuoted(plan.account)} ]; then`,
          `  echo "walletcreds: these credentials are of account $ACCOUNT, and the roles are in ${plan.account}; nothing was changed" >&2`,
          '  exit 1',
          'fi',
        ]),
  ].join('\n');
}

function providerBlock(plan: Plan, provider: Provider): string {
  const arn = shellQuoted(provider.arn);
  const iam = aws(plan, 'iam');
  const why =
    plan.dialect === 'ceph'
      ? 'The issuer whose tokens STS takes. The gateway demands a thumbprint and never compares it.'
      : 'The issuer whose tokens STS takes: byte for byte the "iss" of the tokens, a slash at its end included. IAM fetches discovery and JWKS from it.';
  const create = `${iam} create-open-id-connect-provider --url ${shellQuoted(provider.issuer)} --client-id-list ${shellQuoted(provider.audience)}`;
  const thumbprint = `--thumbprint-list ${'0'.repeat(40)}`;
  const there = `${iam} get-open-id-connect-provider --open-id-connect-provider-arn ${arn} >/dev/null 2>&1`;
  if (plan.dialect === 'ceph')
    return [...commentLines(why, '# '), `${there} ||`, `  ${create} ${thumbprint}`].join('\n');
  return [
    ...commentLines(why, '# '),
    `if ! ${there}; then`,
    `  MADE=$(${create} 2>&1) || case $MADE in`,
    ...commentLines(
      'An AWS CLI from before 2024 demands a thumbprint. IAM compares it only where no public CA signed the issuer’s certificate, and then it must be the real one.',
      '    # ',
    ),
    `    *thumbprint-list*) ${create} ${thumbprint} ;;`,
    '    *) printf "%s\\n" "$MADE" >&2; exit 1 ;;',
    '  esac',
    'fi',
    ...commentLines('One that was there already may lack the audience; adding it twice does no harm.', '# '),
    `${iam} add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ${arn} --client-id ${shellQuoted(provider.audience)}`,
  ].join('\n');
}

function roleBlock(
  plan: Plan,
  place: Place,
  role: Role,
  trust: readonly ExplainedStatement[],
  permissions: readonly ExplainedStatement[],
): string {
  const iam = aws(plan, 'iam');
  const name = shellQuoted(role.name);
  return [
    ...commentLines(`The data role ${role.name}, and who may become it.`, '# '),
    ...reasons(trust),
    `TRUST=${policyWord(plan, trust)}`,
    `${iam} get-role --role-name ${name} >/dev/null 2>&1 ||`,
    `  ${iam} create-role --role-name ${name} --path ${shellQuoted(role.path)} --max-session-duration ${role.maxSessionDuration} --assume-role-policy-document "$TRUST"`,
    `${iam} update-assume-role-policy --role-name ${name} --policy-document "$TRUST"`,
    ...(plan.dialect === 'ceph'
      ? []
      : [
          ...commentLines('As long as the longest session_duration of the configuration.', '# '),
          `${iam} update-role --role-name ${name} --max-session-duration ${role.maxSessionDuration}`,
          ...commentLines(
            `A tag of the role counts as a tag of its sessions: one named ${plan.walletTag} would give every untagged session that wallet.`,
            '# ',
          ),
          `${iam} untag-role --role-name ${name} --tag-keys ${shellQuoted(plan.walletTag)}`,
        ]),
    '',
    ...commentLines('What the role may do. Keep it the only policy on the role.', '# '),
    ...reasons(permissions),
    `${iam} put-role-policy --role-name ${name} --policy-name ${shellQuoted(policyName(place))} \\`,
    `  --policy-document ${policyWord(plan, permissions)}`,
  ].join('\n');
}

/** A name a bucket, so that a role may serve several. */
export function policyName(place: Place): string {
  return `walletcreds-${place.bucket}`.replace(/[^\w+=,.@-]/g, '-').slice(0, 128);
}

/** For a bucket whose policy these credentials can't put. */
export function elsewhereNote({ bucket }: Place, account: string): string {
  return `The bucket is in account ${account}: its policy is not set here. Print it with the same options and --only bucket-policy, and put it with that account's credentials: aws s3api put-bucket-policy --bucket ${bucket} --policy file://bucket-policy.json`;
}

/** Before anything is changed: the bucket is there, its policy can be read, and nobody else's roles hang on it. */
function bucketLook(plan: Plan, place: Place): string {
  const ours = plan.roles.map(({ arn }) => `-e ${shellQuoted(JSON.stringify(arn))}`).join(' ');
  return [
    ...commentLines('put-bucket-policy replaces the whole policy, so first a look at what is there.', '# '),
    `BEFORE=$(${s3api(plan, 'get-bucket-policy', place)} --query Policy --output text 2>&1) ||`,
    '  case $BEFORE in *NoSuchBucketPolicy*) BEFORE= ;; *) printf "%s\\n" "$BEFORE" >&2; exit 1 ;; esac',
    ...commentLines('Roles that another configuration confined here are not released; REPLACE=1 does that.', '# '),
    `OTHERS=$(printf %s "$BEFORE" | grep -o '"arn:[^"]*:role/[^"]*"' | grep -vxF ${ours} | sort -u) || OTHERS=`,
    `case $BEFORE in *'"Walletcreds'*) ;; *) OTHERS= ;; esac`,
    'if [ -n "$OTHERS" ] && [ "${REPLACE:-}" != 1 ]; then',
    `  echo ${shellQuoted(`bucket ${place.bucket} confines roles that this configuration lacks: give them all one configuration, or each its bucket; REPLACE=1 in front of the command leaves them out; nothing was changed:`)} "$OTHERS" >&2`,
    '  exit 1',
    'fi',
  ].join('\n');
}

function bucketBlock(plan: Plan, place: Place, statements: readonly ExplainedStatement[]): string {
  return [
    ...commentLines('What the bucket refuses the role, whatever the role was granted.', '# '),
    ...reasons(statements),
    `POLICY=${policyWord(plan, statements)}`,
    ...commentLines('A policy that somebody else wrote is left alone.', '# '),
    `ALL=$(printf %s "$BEFORE" | grep -o '"Effect"' | wc -l)`,
    `OURS=$(printf %s "$BEFORE" | grep -o '"Sid" *: *"Walletcreds' | wc -l)`,
    'if [ "$ALL" -ne "$OURS" ]; then',
    `  echo ${shellQuoted(`bucket ${place.bucket} has a policy of its own: add the statements below to it by hand; the rest is set up`)} >&2`,
    '  printf "%s\\n" "$POLICY" >&2',
    '  exit 1',
    'fi',
    ...(plan.dialect === 'ceph' ? [] : commentLines('A new role takes some seconds until S3 knows it.', '# ')),
    'TRIES=0',
    `until ${s3api(plan, 'put-bucket-policy', place)} --policy "$POLICY"; do`,
    '  TRIES=$((TRIES + 1))',
    '  [ "$TRIES" -lt 6 ] || exit 1',
    '  sleep 5',
    'done',
  ].join('\n');
}

function s3api(plan: Plan, command: string, { bucket }: Place): string {
  const region = plan.dialect === 'ceph' ? '' : ` --region ${shellQuoted(plan.region)}`;
  return `${aws(plan, 's3api')} ${command} --bucket ${shellQuoted(bucket)}${region}`;
}

function aws(plan: Plan, service: string): string {
  return plan.dialect === 'ceph' ? `aws --endpoint-url "$CEPH" ${service}` : `aws ${service}`;
}

function reasons(statements: readonly ExplainedStatement[]): string[] {
  return statements.flatMap(({ why, statement }) => commentLines(`${statement.Sid}: ${why}`, '#   '));
}

/** White space counts in a bucket's policy, of which S3 takes 20,480 bytes. */
const MOST_READABLE = 10_000;

/** Readable while it is short; for Ceph without white space, with which it refuses a document (400, without a reason). */
function policyWord(plan: Plan, statements: readonly ExplainedStatement[]): string {
  const document = documentOf(statements);
  const readable = JSON.stringify(document, null, 2);
  return shellQuoted(plan.dialect === 'ceph' || readable.length > MOST_READABLE ? JSON.stringify(document) : readable);
}

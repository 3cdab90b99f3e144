/**
 * The set-up as Terraform (HCL), policies as native objects so that every statement keeps its comment.
 *
 * @module
 */
import { providersByIssuer } from '../../plan.ts';
import { documentOf, type ExplainedStatement } from '../../policy-document.ts';
import type { Revocation, Setup } from '../setup.ts';
import { policyName } from './cli.ts';
import { commentLines } from './text.ts';

/** A string literal: `${` and `%{` would begin a template, so they are doubled. */
export function hclString(value: string): string {
  // As functions: in a replacement text "$$" would mean one "$".
  return JSON.stringify(value)
    .replaceAll('${', () => '$${')
    .replaceAll('%{', () => '%%{');
}

const HEAD = `terraform {
  required_providers {
    # Before 5.81 an OIDC provider had to be given a thumbprint.
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.81"
    }
  }
}`;

/** Read while planning, so that nothing is changed in a wrong account. */
function accountBlock(account: string, name = 'this'): string {
  return `# In the account of the roles, or nowhere.
data "aws_caller_identity" "${name}" {
  lifecycle {
    postcondition {
      condition     = self.account_id == ${hclString(account)}
      error_message = ${hclString(`These credentials are of another account; the roles are in ${account}.`)}
    }
  }
}`;
}

/** A module of one file. */
export function renderTerraform(setup: Setup): string {
  const { plan, place } = setup;
  const blocks = [
    commentLines(`Federation of ${place.bucket} for walletcreds.`, '# ').join('\n'),
    HEAD,
    accountBlock(plan.account),
    ...providersByIssuer(plan).map(({ issuer, audiences }, i) =>
      block(
        'The issuer whose tokens STS takes: byte for byte the "iss" of the tokens, a slash at its end included. An account has each only once: terraform import one that is there already.',
        `resource "aws_iam_openid_connect_provider" "${numbered('provider', i)}"`,
        [
          ['url', hclString(issuer)],
          ['client_id_list', hcl(audiences, 1)],
        ],
      ),
    ),
    ...setup.roles.flatMap(({ role, trust, permissions }, i) => [
      block(
        `The data role. No tag named ${plan.walletTag} may be put on it (default_tags of the provider included): a role's tags count as its sessions' tags.`,
        `resource "aws_iam_role" "${numbered('data', i)}"`,
        [
          ['name', hclString(role.name)],
          ['path', hclString(role.path)],
          ['max_session_duration', String(role.maxSessionDuration)],
          ['assume_role_policy', policy(trust)],
        ],
      ),
      block(
        'What the role may do. Keep it the only policy on the role.',
        `resource "aws_iam_role_policy" "${numbered('data', i)}"`,
        [
          ['name', hclString(policyName(place))],
          ['role', `aws_iam_role.${numbered('data', i)}.name`],
          ['policy', policy(permissions)],
        ],
      ),
    ]),
    block(
      'What the bucket refuses the role, whatever the role was granted. A bucket has one policy, and Terraform replaces one that is there without a word: look first (aws s3api get-bucket-policy), and merge it into this.',
      'resource "aws_s3_bucket_policy" "data"',
      [
        ['bucket', hclString(place.bucket)],
        ['policy', policy(setup.bucketPolicy)],
        // S3 refuses a policy that names a role which isn't there yet.
        ['depends_on', `[${setup.roles.map((_, i) => `aws_iam_role.${numbered('data', i)}`).join(', ')}]`],
      ],
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Resources of their own that end a wallet's sessions. */
export function renderRevocationTerraform(revocation: Revocation): string {
  const { plan, policyName: name, statements, wallet } = revocation;
  const blocks = plan.roles.map((role, i) =>
    block(
      `Ends the sessions of ${wallet}.`,
      `resource "aws_iam_role_policy" "revoke_${wallet}${i === 0 ? '' : `_${i + 1}`}"`,
      [
        ['name', hclString(name)],
        ['role', hclString(role.name)],
        ['policy', policy(statements)],
      ],
    ),
  );
  return `${[accountBlock(plan.account, `revoke_${wallet}`), ...blocks].join('\n\n')}\n`;
}

function block(why: string, head: string, attributes: readonly (readonly [string, string])[]): string {
  return [...commentLines(why, '# '), `${head} {`, ...alignedRuns(attributes, '  '), '}'].join('\n');
}

/** As `terraform fmt` has it: the signs of neighbouring one-line attributes stand in one column. */
function alignedRuns(attributes: readonly (readonly [string, string])[], indent: string): string[] {
  const out: string[] = [];
  let run: (readonly [string, string])[] = [];
  const flush = () => {
    const width = Math.max(0, ...run.map(([key]) => key.length));
    for (const [key, value] of run) out.push(`${indent}${key.padEnd(width)} = ${value}`);
    run = [];
  };
  for (const attribute of attributes) {
    // A value of several lines is aligned with no other.
    if (attribute[1].includes('\n')) flush();
    run.push(attribute);
    if (attribute[1].includes('\n')) flush();
  }
  flush();
  return out;
}

function policy(statements: readonly ExplainedStatement[]): string {
  const document = documentOf(statements);
  const items = document.Statement.flatMap((statement, i) => [
    ...commentLines(statements[i]?.why ?? '', '      # '),
    `      ${hcl(statement, 3)},`,
  ]);
  return [
    'jsonencode({',
    `    Version = ${hclString(document.Version)}`,
    '    Statement = [',
    ...items,
    '    ]',
    '  })',
  ].join('\n');
}

function hcl(value: unknown, depth: number): string {
  if (typeof value === 'string') return hclString(value);
  if (Array.isArray(value)) return `[${value.map(item => hcl(item, depth)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pad = '  '.repeat(depth);
  const entries = Object.entries(value).map(
    ([key, item]) => [/^[A-Za-z_]\w*$/.test(key) ? key : hclString(key), hcl(item, depth + 1)] as const,
  );
  return ['{', ...alignedRuns(entries, `${pad}  `), `${pad}}`].join('\n');
}

function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index + 1}`;
}

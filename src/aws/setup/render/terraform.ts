/**
 * The setup as Terraform (HCL), policies as native objects so that every statement keeps its comment.
 *
 * @module
 */
import { providersByIssuer } from '../../plan.ts';
import { documentOf, type ExplainedStatement } from '../../policy-document.ts';
import { bucketArn } from '../bucket-policy-aws.ts';
import type { Revocation, Setup } from '../setup.ts';
import { elsewhereNote, policyName } from './cli.ts';
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
  const { plan, place, bucketElsewhere } = setup;
  const express = expressions(setup);
  const blocks = [
    commentLines(`Federation of ${place.bucket} for walletcreds.`, '# ').join('\n'),
    HEAD,
    variable('bucket', 'The bucket that the wallets share.', hclString(place.bucket)),
    variable('permissions_boundary', 'The ARN of a permissions boundary for the role, where one is demanded.', 'null'),
    accountBlock(plan.account),
    ...providersByIssuer(plan).flatMap(({ issuer, audiences }, i) => [
      block(
        'The issuer whose tokens STS takes: byte for byte the "iss" of the tokens.',
        `resource "aws_iam_openid_connect_provider" "${numbered('provider', i)}"`,
        [
          ['url', hclString(issuer)],
          ['client_id_list', hcl(audiences, 1)],
        ],
      ),
      importBlock(
        'An account has each issuer only once. Where it has this one already, take it over:',
        `aws_iam_openid_connect_provider.${numbered('provider', i)}`,
        hclString(plan.providers.find(provider => provider.issuer === issuer)?.arn ?? ''),
      ),
    ]),
    ...setup.roles.flatMap(({ role, trust, permissions }, i) => [
      block(
        `The data role. No tag named ${plan.walletTag} may be put on it (default_tags of the provider included): a role's tags count as its sessions' tags.`,
        `resource "aws_iam_role" "${numbered('data', i)}"`,
        [
          ['name', hclString(role.name)],
          ['path', hclString(role.path)],
          ['max_session_duration', String(role.maxSessionDuration)],
          ['permissions_boundary', 'var.permissions_boundary'],
          ['assume_role_policy', policy(trust, express)],
        ],
      ),
      block(
        'What the role may do. Keep it the only policy on the role.',
        `resource "aws_iam_role_policy" "${numbered('data', i)}"`,
        [
          ['name', hclString(policyName(place))],
          ['role', `aws_iam_role.${numbered('data', i)}.name`],
          ['policy', policy(permissions, express)],
        ],
      ),
    ]),
    ...(bucketElsewhere === undefined
      ? [
          block(
            'What the bucket refuses the role, whatever the role was granted.',
            'resource "aws_s3_bucket_policy" "data"',
            [
              ['bucket', 'var.bucket'],
              ['policy', policy(setup.bucketPolicy, express)],
            ],
          ),
          importBlock(
            'A bucket has one policy, and Terraform replaces an existing one without a word. Take it over first, and the plan shows what would go:',
            'aws_s3_bucket_policy.data',
            'var.bucket',
          ),
        ]
      : [commentLines(elsewhereNote(place, bucketElsewhere), '# ').join('\n')]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** A string of a policy as an HCL expression: a reference where it names what this file makes. */
type Express = (value: string) => string;

function expressions({ plan, place, roles }: Setup): Express {
  const made = new Map<string, string>();
  providersByIssuer(plan).forEach(({ issuer }, i) => {
    for (const { arn } of plan.providers.filter(provider => provider.issuer === issuer))
      made.set(arn, `aws_iam_openid_connect_provider.${numbered('provider', i)}.arn`);
  });
  roles.forEach(({ role }, i) => void made.set(role.arn, `aws_iam_role.${numbered('data', i)}.arn`));
  const bucket = bucketArn(plan, place);
  const start = bucket.slice(0, -place.bucket.length);
  return value => {
    const reference = made.get(value);
    if (reference !== undefined) return reference;
    if (value !== bucket && !value.startsWith(`${bucket}/`)) return hclString(value);
    return `"${start}\${var.bucket}${hclString(value.slice(bucket.length)).slice(1, -1)}"`;
  };
}

function variable(name: string, description: string, fallback: string): string {
  const attributes = [
    ['description', hclString(description)],
    ['type', 'string'],
    ['default', fallback],
  ] as const;
  return [`variable "${name}" {`, ...alignedRuns(attributes, '  '), '}'].join('\n');
}

/** As a comment: Terraform fails where there is nothing to import. */
function importBlock(why: string, to: string, id: string): string {
  return [...commentLines(why, '# '), '# import {', `#   to = ${to}`, `#   id = ${id}`, '# }'].join('\n');
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

function policy(statements: readonly ExplainedStatement[], express: Express = hclString): string {
  const document = documentOf(statements);
  const items = document.Statement.flatMap((statement, i) => [
    ...commentLines(statements[i]?.why ?? '', '      # '),
    `      ${hcl(statement, 3, express)},`,
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

function hcl(value: unknown, depth: number, express: Express = hclString): string {
  if (typeof value === 'string') return express(value);
  if (Array.isArray(value)) return `[${value.map(item => hcl(item, depth, express)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pad = '  '.repeat(depth);
  const entries = Object.entries(value).map(
    ([key, item]) => [/^[A-Za-z_]\w*$/.test(key) ? key : hclString(key), hcl(item, depth + 1, express)] as const,
  );
  return ['{', ...alignedRuns(entries, `${pad}  `), `${pad}}`].join('\n');
}

function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index + 1}`;
}

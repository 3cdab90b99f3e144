/**
 * The table as Markdown, for `docs/emulator.md`.
 *
 * @module
 */
import { type Answer, TABLE } from './sts-table.ts';

/** Where the names in brackets lead. */
const LINKS: Readonly<Record<string, string>> = {
  AssumeRoleWithWebIdentity: 'https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html',
  CommonErrors: 'https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html',
  CommonParameters: 'https://docs.aws.amazon.com/STS/latest/APIReference/CommonParameters.html',
  PolicyDescriptorType: 'https://docs.aws.amazon.com/STS/latest/APIReference/API_PolicyDescriptorType.html',
  Tag: 'https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html',
  'query requests': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html',
  'session tags': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html',
  tagging: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html',
  'condition operators':
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html',
  'condition keys': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html',
  'policy variables': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html',
  'OIDC providers': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html',
  'OIDC troubleshooting': 'https://repost.aws/knowledge-center/iam-oidc-idp-federation',
  'OIDC federation': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html',
  'policy grammar': 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html',
  azp: 'https://github.com/aws/aws-sdk-net/issues/3071',
  'OpenID Connect Core': 'https://openid.net/specs/openid-connect-core-1_0.html#IDToken',
};

/** Every name in brackets must have a link; code spans apart, where brackets are patterns. */
export function unlinked(text: string): string[] {
  const names = [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\[([^\]]+)\]/g)].map(match => match[1] ?? '');
  return names.filter(name => !Object.hasOwn(LINKS, name));
}

const shown = ({ status, code }: Answer): string => (code === undefined ? String(status) : `${status} ${code}`);
const cell = (text: string): string => text.replaceAll('|', '\\|');

export function renderTable(): string {
  const sections = TABLE.map(({ title, rows }) => {
    const lines = rows.map(
      ({ name, emulator, ceph, because = '' }) =>
        `| ${cell(name)} | ${shown(emulator)} | ${shown(ceph)} | ${cell(because)} |`,
    );
    return [
      `### ${title}`,
      '',
      '| Asked | STS emulator | Ceph | Why they differ |',
      '|---|---|---|---|',
      ...lines,
    ].join('\n');
  });
  const links = Object.entries(LINKS).map(([name, url]) => `[${name}]: ${url}`);
  return `${[...sections, links.join('\n')].join('\n\n')}\n`;
}

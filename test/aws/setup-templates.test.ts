/**
 * The setup as CloudFormation and as Terraform, read by their own parsers.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCloudFormation, renderRevocationCloudFormation } from '../../src/aws/setup/render/cloudformation.ts';
import { hclString, renderRevocationTerraform, renderTerraform } from '../../src/aws/setup/render/terraform.ts';
import { revocationOf, setupOf } from '../../src/aws/setup/setup.ts';
import { type CfnResource, faultsOf, type SpecDatabase } from './cfn-spec.ts';
import { configOf, WALLET_A } from './support.ts';
import { needed, program } from './tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-templates-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const full = { bucket: 'my.bucket', prefix: 'bots', sourceIps: ['203.0.113.0/24'], bindSession: true };
const setup = setupOf(configOf(), full);
const revocation = revocationOf(configOf(), { wallet: WALLET_A, now: Date.UTC(2026, 0, 1) });

describe('as CloudFormation', () => {
  const yaml = renderCloudFormation(setup);
  test('the template holds the policies as they were made, each statement with its reason', () => {
    const doc = parseDocument(yaml, { version: '1.1' });
    expect(doc.errors).toEqual([]);
    const resources = doc.toJS().Resources;
    expect(resources.DataRole.Properties.AssumeRolePolicyDocument).toEqual(documentOf(setup.roles[0]?.trust ?? []));
    expect(resources.DataRole.Properties.Policies[0].PolicyDocument).toEqual(
      documentOf(setup.roles[0]?.permissions ?? []),
    );
    expect(resources.BucketPolicy.Properties.PolicyDocument).toEqual(documentOf(setup.bucketPolicy));
    const lines = yaml.split('\n');
    lines.forEach((line, i) => {
      if (/- Sid:/.test(line)) expect(lines[i - 1], line).toMatch(/^\s*# \S/);
    });
  });
  test('a rule keeps it out of every other account', () => {
    for (const text of [yaml, renderRevocationCloudFormation(revocation)]) {
      expect(parseDocument(text, { version: '1.1' }).toJS().Rules).toEqual({
        Account: {
          Assertions: [
            {
              Assert: { 'Fn::Equals': [{ Ref: 'AWS::AccountId' }, '123456789012'] },
              AssertDescription: 'The roles are in account 123456789012.',
            },
          ],
        },
      });
    }
  });
  test('every resource is made of what AWS’s own specification has, and lacks nothing that it demands', async ({
    skip,
  }) => {
    const tool = await needed("AWS's resource specification", skip);
    const { loadAwsServiceSpecSync } = tool('@aws-cdk/aws-service-spec') as {
      loadAwsServiceSpecSync(): SpecDatabase;
    };
    const db = loadAwsServiceSpecSync();
    for (const text of [yaml, renderRevocationCloudFormation(revocation)]) {
      const { Resources } = parseDocument(text, { version: '1.1' }).toJS() as {
        Resources: Record<string, CfnResource>;
      };
      expect(Object.keys(Resources).length).toBeGreaterThan(0);
      for (const [name, { Type, Properties }] of Object.entries(Resources)) {
        const { properties } = db.lookup('resource', 'cloudFormationType', 'equals', Type).only();
        expect(faultsOf(db, properties, Properties, name)).toEqual([]);
      }
    }
    // The check finds what it is there for.
    const { properties } = db.lookup('resource', 'cloudFormationType', 'equals', 'AWS::IAM::Role').only();
    const bad = { RoleName: ['x'], MaxSessionDuration: '3600 s', Policies: [{ Name: 'x' }], Color: 'red' };
    expect(faultsOf(db, properties, bad, 'Role')).toEqual([
      'Role.AssumeRolePolicyDocument is missing',
      'Role.RoleName is no string',
      'Role.MaxSessionDuration is no integer',
      'Role.Policies.PolicyDocument is missing',
      'Role.Policies.PolicyName is missing',
      'Role.Policies.Name is unknown',
      'Role.Color is unknown',
    ]);
  });
  test("npm's cfn-lint finds nothing in the types that it knows, nor does AWS's own where it is installed", async ({
    skip,
  }) => {
    const tool = await needed("npm's cfn-lint", skip);
    // It is from before node 23, which dropped this.
    const util = tool('node:util') as { isUndefined?: (value: unknown) => boolean };
    util.isUndefined ??= value => value === undefined;
    const lint = tool('cfn-lint') as {
      validateJsonObject(t: unknown): { templateValid: boolean; errors: unknown };
    };
    const template = parseDocument(yaml, { version: '1.1' }).toJS();
    // It ended before CloudFormation had providers.
    delete template.Resources.Provider;
    // Nor does it know the functions of rules; what this one says is a promise of its own, below.
    delete template.Rules;
    expect(lint.validateJsonObject(template)).toMatchObject({ templateValid: true, errors: { crit: [], warn: [] } });
    const files = [yaml, renderRevocationCloudFormation(revocation)].map((text, i) => {
      const file = join(folder, `template-${i}.yaml`);
      writeFileSync(file, text);
      return file;
    });
    // A Python program that neither npm nor Debian has; a shim without its program behind it answers 127.
    const result = program('cfn-lint', ['--regions', 'us-east-1', '--', ...files]);
    if (result === undefined || result.status === 127) return console.warn("AWS's own cfn-lint is not on this machine");
    expect(result).toEqual({ status: 0, output: '' });
  });
});

describe('as Terraform', () => {
  const hcl = renderTerraform(setup);
  test("HCL's own parser reads it, and terraform, where it is installed, has nothing to re-format", async ({
    skip,
  }) => {
    const tool = await needed('hcl2json', skip);
    const { parse } = tool('@cdktf/hcl2json') as {
      parse(f: string, t: string): Promise<Record<string, never>>;
    };
    const parsed = JSON.parse(JSON.stringify(await parse('main.tf', hcl)));
    expect(Object.keys(parsed.resource)).toEqual([
      'aws_iam_openid_connect_provider',
      'aws_iam_role',
      'aws_iam_role_policy',
      'aws_s3_bucket_policy',
    ]);
    expect(await parse('revoke.tf', renderRevocationTerraform(revocation))).toBeTruthy();
    // No registry here has terraform, nor its provider, without which it only formats; that needs all to be parsed.
    for (const text of [hcl, renderRevocationTerraform(revocation)]) {
      const result = program('terraform', ['fmt', '-check', '-'], text);
      if (result === undefined || result.status === 127) return console.warn('terraform is not on this machine');
      expect(result).toMatchObject({ status: 0, output: expect.not.stringMatching(/Error/) });
    }
  });
  test('what the file makes is referred to, and an existing provider or bucket policy can be imported', () => {
    for (const line of [
      'Federated = aws_iam_openid_connect_provider.provider.arn',
      'AWS = aws_iam_role.data.arn',
      'bucket = var.bucket',
      'Resource = "arn:aws:s3:::${var.bucket}/bots/$${aws:PrincipalTag/agentkeys_user_wallet}/*"',
      '#   to = aws_iam_openid_connect_provider.provider',
      '#   id = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com"',
      '#   to = aws_s3_bucket_policy.data',
    ])
      expect(hcl.replace(/ +/g, ' ')).toContain(line.replace(/ +/g, ' '));
    expect(hcl.match(/my\.bucket/g)).toHaveLength(3);
  });
  test('a policy variable is never taken for an interpolation', () => {
    expect(hclString('${aws:x} %{if} $${y}')).toBe('"$${aws:x} %%{if} $$${y}"');
    expect(hcl.replaceAll('$${', '').replaceAll('${var.bucket}', '')).not.toContain('${');
  });
});

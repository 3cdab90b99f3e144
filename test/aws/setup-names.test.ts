/**
 * Names of any legal characters: commands, CloudFormation and Terraform hold them unchanged, and no secret.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli } from '../../src/aws/setup/render/cli.ts';
import { renderCloudFormation } from '../../src/aws/setup/render/cloudformation.ts';
import { renderTerraform } from '../../src/aws/setup/render/terraform.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { NO_POLICY, runScript } from './recording-cli.ts';
import { configOf, ROLE } from './support.ts';
import { needed } from './tools.ts';

describe('whatever legal characters names are made of', () => {
  const chars = (more: string, min = 1) =>
    fc.array(fc.constantFrom(...'aZ09', ...more), { minLength: min, maxLength: 8 }).map(parts => parts.join(''));
  const odd = fc.record({
    bucket: chars('').map(s => `my.buc-ket-${s.toLowerCase()}.x`),
    prefix: chars("!'()=+@:, -.").map(s => `it's/${s}`),
    walletTag: chars(' _.:/=+-@').map(s => `t${s}t`),
    issuer: chars("'!$&()*+,;=:@~%20-._").map(s => `https://oidc.example.com/${s}'x`),
    roleArn: fc
      .record({ path: chars('!"#$%&\'()*,;<=>?@[\\]^`{|}~'), name: chars('+=,.@-_') })
      .map(({ path, name }) => `${ROLE}/${path}/r${name}`),
  });
  type Odd = typeof odd extends fc.Arbitrary<infer T> ? T : never;
  const made = ({ bucket, prefix, ...rest }: Odd) =>
    setupOf(configOf({ ...rest, token: 'canary-token-canary-token-canary-token' }), { bucket, prefix });

  test('each command gets them as they are, and no secret', () => {
    fc.assert(
      fc.property(odd, given => {
        const setup = made(given);
        const script = renderCli(setup);
        expect(script).not.toContain('canary');
        const { status, calls } = runScript(script, {
          'get-open-id-connect-provider': 'exit 254',
          'get-role': 'exit 254',
          'get-bucket-policy': NO_POLICY,
        });
        expect(status).toBe(0);
        const argument = (verb: string, flag: string) => {
          const call = calls.find(c => c[1] === verb) ?? [];
          return call[call.indexOf(flag) + 1] ?? '';
        };
        const [role] = setup.roles;
        expect(argument('create-open-id-connect-provider', '--url')).toBe(given.issuer);
        expect(argument('create-role', '--role-name')).toBe(role?.role.name);
        expect(argument('create-role', '--path')).toBe(role?.role.path);
        expect(argument('untag-role', '--tag-keys')).toBe(given.walletTag);
        expect(argument('put-bucket-policy', '--bucket')).toBe(given.bucket);
        expect(JSON.parse(argument('create-role', '--assume-role-policy-document'))).toEqual(
          documentOf(role?.trust ?? []),
        );
        expect(JSON.parse(argument('put-role-policy', '--policy-document'))).toEqual(
          documentOf(role?.permissions ?? []),
        );
        expect(JSON.parse(argument('put-bucket-policy', '--policy'))).toEqual(documentOf(setup.bucketPolicy));
      }),
      { numRuns: 10 },
    );
  });

  test('a template has them as they are, and no secret', () => {
    fc.assert(
      fc.property(odd, given => {
        const setup = made(given);
        const yaml = renderCloudFormation(setup);
        expect(yaml).not.toContain('canary');
        const { Provider, DataRole, BucketPolicy } = parseDocument(yaml, { version: '1.1' }).toJS().Resources;
        const [role] = setup.roles;
        expect(Provider.Properties.Url).toBe(given.issuer);
        expect(DataRole.Properties).toMatchObject({ RoleName: role?.role.name, Path: role?.role.path });
        expect(DataRole.Properties.AssumeRolePolicyDocument).toEqual(documentOf(role?.trust ?? []));
        expect(DataRole.Properties.Policies[0].PolicyDocument).toEqual(documentOf(role?.permissions ?? []));
        expect(BucketPolicy.Properties).toEqual({
          Bucket: given.bucket,
          PolicyDocument: documentOf(setup.bucketPolicy),
        });
      }),
      { numRuns: 50 },
    );
  });

  test('Terraform has them as they are, and no secret', async ({ skip }) => {
    const tool = await needed('hcl2json', skip);
    const { parse } = tool('@cdktf/hcl2json') as { parse(f: string, t: string): Promise<unknown> };
    await fc.assert(
      fc.asyncProperty(odd, async given => {
        const setup = made(given);
        const hcl = renderTerraform(setup);
        expect(hcl).not.toContain('canary');
        const { resource, variable } = JSON.parse(JSON.stringify(await parse('main.tf', hcl)));
        // The parser gives a template's text as it is written, "$${" for "${".
        const plain = (text: string) => text.replaceAll('$${', () => '${').replaceAll('%%{', '%{');
        expect(plain(resource.aws_iam_openid_connect_provider.provider[0].url)).toBe(given.issuer);
        const [role] = resource.aws_iam_role.data;
        expect(plain(role.name)).toBe(setup.roles[0]?.role.name);
        expect(plain(role.path)).toBe(setup.roles[0]?.role.path);
        expect(resource.aws_s3_bucket_policy.data[0].bucket).toBe('${var.bucket}');
        expect(variable.bucket[0].default).toBe(given.bucket);
        expect(plain(resource.aws_iam_role.data[0].assume_role_policy)).toContain(
          JSON.stringify(`aws:RequestTag/${given.walletTag}`),
        );
      }),
      { numRuns: 15 },
    );
  });
});

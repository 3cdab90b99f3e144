/**
 * The setup as a CloudFormation template, in YAML because JSON has no comments.
 *
 * @module
 */
import { Document, isMap, isScalar, isSeq, type Node, YAMLMap } from 'yaml';
import { providersByIssuer, type Role } from '../../plan.ts';
import { documentOf, type ExplainedStatement } from '../../policy-document.ts';
import type { Revocation, Setup } from '../setup.ts';
import { elsewhereNote, policyName } from './cli.ts';
import { commentLines } from './text.ts';

/** A resource, and the reason for it. */
interface Resource {
  readonly why: string;
  readonly body: Record<string, unknown>;
  /** Where in the body policies stand, for the reasons of their statements. */
  readonly policies: readonly {
    readonly path: readonly (string | number)[];
    readonly statements: readonly ExplainedStatement[];
  }[];
}

/** A template that `aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM` takes. */
export function renderCloudFormation(setup: Setup): string {
  const { plan, place } = setup;
  const resources = new Map<string, Resource>();
  providersByIssuer(plan).forEach(({ issuer, audiences }, i) => {
    resources.set(numbered('Provider', i), {
      why: 'The issuer whose tokens STS takes: byte for byte the "iss" of the tokens, a slash at its end included. An account has each only once; where it is there already, deploy with --parameter-overrides ProviderExists=true.',
      body: {
        Type: 'AWS::IAM::OIDCProvider',
        Condition: 'MakeProvider',
        // The resource going must not take away a provider that other roles trust.
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: { Url: issuer, ClientIdList: audiences },
      },
      policies: [],
    });
  });
  setup.roles.forEach(({ role, trust, permissions }, i) => {
    resources.set(numbered('DataRole', i), {
      why: `The data role ${role.name}. No tag named ${plan.walletTag} may be put on it: a role's tags count as its sessions' tags.`,
      body: {
        Type: 'AWS::IAM::Role',
        Properties: {
          RoleName: role.name,
          Path: role.path,
          MaxSessionDuration: role.maxSessionDuration,
          AssumeRolePolicyDocument: documentOf(trust),
          Policies: [{ PolicyName: policyName(place), PolicyDocument: documentOf(permissions) }],
        },
      },
      policies: [
        { path: ['Properties', 'AssumeRolePolicyDocument'], statements: trust },
        { path: ['Properties', 'Policies', 0, 'PolicyDocument'], statements: permissions },
      ],
    });
  });
  if (setup.bucketElsewhere === undefined)
    resources.set('BucketPolicy', {
      why: 'What the bucket refuses the role, whatever the role was granted. A bucket has one policy: merge an existing one into this (CloudFormation refuses to make one beside it).',
      body: {
        Type: 'AWS::S3::BucketPolicy',
        // S3 refuses a policy that names a role which isn't there yet.
        DependsOn: setup.roles.map((_, i) => numbered('DataRole', i)),
        Properties: { Bucket: place.bucket, PolicyDocument: documentOf(setup.bucketPolicy) },
      },
      policies: [{ path: ['Properties', 'PolicyDocument'], statements: setup.bucketPolicy }],
    });
  return template(
    `Federation of ${place.bucket} for walletcreds: deploy with --capabilities CAPABILITY_NAMED_IAM.${setup.bucketElsewhere === undefined ? '' : ` ${elsewhereNote(place, setup.bucketElsewhere)}`}`,
    {
      Rules: inAccount(plan.account),
      Parameters: {
        ProviderExists: {
          Type: 'String',
          Default: 'false',
          AllowedValues: ['true', 'false'],
          Description: 'true where the account already has the OIDC provider',
        },
      },
      Conditions: { MakeProvider: { 'Fn::Equals': [{ Ref: 'ProviderExists' }, 'false'] } },
    },
    resources,
  );
}

/** A template of its own that ends a wallet's sessions. */
export function renderRevocationCloudFormation(revocation: Revocation): string {
  const { plan, policyName: name, statements, wallet } = revocation;
  const resources = new Map<string, Resource>();
  plan.roles.forEach((role: Role, i) => {
    resources.set(numbered('Revocation', i), {
      why: `Ends the sessions of ${wallet} under ${role.name}.`,
      body: {
        Type: 'AWS::IAM::RolePolicy',
        Properties: { RoleName: role.name, PolicyName: name, PolicyDocument: documentOf(statements) },
      },
      policies: [{ path: ['Properties', 'PolicyDocument'], statements }],
    });
  });
  return template(`Ends the sessions of ${wallet}.`, { Rules: inAccount(plan.account) }, resources);
}

/** CloudFormation checks it before it makes anything. */
function inAccount(account: string): Record<string, unknown> {
  const AssertDescription = `The roles are in account ${account}.`;
  return {
    Account: { Assertions: [{ Assert: { 'Fn::Equals': [{ Ref: 'AWS::AccountId' }, account] }, AssertDescription }] },
  };
}

function template(
  description: string,
  head: Record<string, unknown>,
  resources: ReadonlyMap<string, Resource>,
): string {
  const content = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: description,
    ...head,
    Resources: Object.fromEntries([...resources].map(([name, { body }]) => [name, body])),
  };
  // YAML 1.1, as CloudFormation reads it, so that what it would take for something else is quoted; no anchors.
  const doc = new Document(content, { version: '1.1', aliasDuplicateObjects: false });
  for (const [name, { why, policies }] of resources) {
    commentKey(doc, ['Resources'], name, why);
    for (const { path, statements } of policies) {
      const list = doc.getIn(['Resources', name, ...path, 'Statement']);
      if (!isSeq(list)) continue;
      list.items.forEach((item, i) => {
        const why = statements[i]?.why;
        if (isMap(item) && why !== undefined) comment(item, why);
      });
    }
  }
  return doc.toString({ lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
}

function commentKey(doc: Document, path: readonly string[], key: string, text: string): void {
  const map = doc.getIn(path);
  if (!(map instanceof YAMLMap)) return;
  for (const pair of map.items) {
    if (isScalar(pair.key) && pair.key.value === key) comment(pair.key, text);
  }
}

function comment(node: Node, text: string): void {
  node.commentBefore = commentLines(text, ' ').join('\n');
}

function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name}${index + 1}`;
}

/**
 * An S3 emulator beside an STS emulator, with the policies that `aws-setup` prints, and sessions that sign.
 *
 * @module
 */
import { SignatureV4 } from '@smithy/signature-v4';
import type { Plan } from '../../../src/aws/plan.ts';
import { documentOf } from '../../../src/aws/policy-document.ts';
import { awsBucketPolicy } from '../../../src/aws/setup/bucket-policy-aws.ts';
import { awsRolePolicy } from '../../../src/aws/setup/policies-aws.ts';
import { type PolicyDocument, providerArn } from '../../../src/emulator/index.ts';
import { createS3Emulator, type S3EmulatorOptions } from '../../../src/emulator/s3/emulator.ts';
import { sha256 } from '../../support/sha256.ts';
import { ACCOUNT, ISSUER, ROLE, setUp, sign, TAGS, WALLET, WALLET_TAG } from '../support.ts';

export const BUCKET = 'my-data';
export const OWN = `bots/${WALLET}/`;
export const FOREIGN = 'bots/0xdeadbeef/';

const plan = { partition: 'aws', walletTag: WALLET_TAG, dialect: 'aws' } as Plan;
const place = { bucket: BUCKET, prefix: 'bots/' };
export const rolePolicy = documentOf(awsRolePolicy(plan, place));
const role = { arn: ROLE } as Plan['roles'][number];
export const bucketPolicy = documentOf(awsBucketPolicy({ ...plan, roles: [role] } as Plan, place));

/** Takes every token of the issuer, also one without a wallet. */
export const careless: PolicyDocument = {
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Federated: providerArn(ACCOUNT, ISSUER) },
    Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
  },
};

export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Signs with another secret, at another time, or leaves the signature out. */
  readonly secret?: string;
  readonly at?: number;
  readonly anonymous?: true;
}

/** @param session tags of the token, and a trust policy that takes it; default: the wallet's, and the one that demands it */
export async function startWorld(
  options: Partial<S3EmulatorOptions> = {},
  session: { tags?: Record<string, string[]>; trustPolicy?: PolicyDocument } = {},
) {
  const { tags, trustPolicy } = session;
  const { sts, clock, assume, claims } = setUp(
    trustPolicy === undefined ? {} : { roles: [{ arn: ROLE, trustPolicy }] },
  );
  const s3 = createS3Emulator({
    sts,
    clock,
    buckets: [
      {
        name: BUCKET,
        policy: bucketPolicy,
        objects: { [`${OWN}hello`]: 'hello', [`${FOREIGN}secret`]: 'secret' },
      },
    ],
    rolePolicies: { [ROLE]: rolePolicy },
    ...options,
  });
  const token =
    tags === undefined ? undefined : await sign(claims({ [TAGS]: { principal_tags: tags, transitive_tag_keys: [] } }));
  const answer = await assume(token);
  const get = (name: string) => answer.get(name) ?? '';
  const credentials = {
    accessKeyId: get('AccessKeyId'),
    secretAccessKey: get('SecretAccessKey'),
    sessionToken: get('SessionToken'),
  };

  /** @param target path and query as they stand on the wire */
  async function send(target: string, sent: Sent = {}): Promise<{ status: number; headers: Headers; text: string }> {
    const { method = 'GET', body = '', anonymous } = sent;
    const [path = '', search = ''] = target.split('?');
    const headers: Record<string, string> = { host: 's3.test', 'x-amz-content-sha256': sha256(body), ...sent.headers };
    const signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials: { ...credentials, secretAccessKey: sent.secret ?? credentials.secretAccessKey },
      sha256: sha256.Hash,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const query = Object.fromEntries(new URLSearchParams(search));
    const request = { method, protocol: 'http:', hostname: 's3.test', path, query, headers, body };
    const signed =
      anonymous === true ? request : await signer.sign(request, { signingDate: new Date(sent.at ?? clock.wall()) });
    const response = await s3.app.fetch(
      new Request(`http://s3.test${target}`, {
        method,
        headers: signed.headers,
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: Buffer.from(body) }),
      }),
      // The path as it came, which a Request has normalised.
      { incoming: { url: target, socket: { remoteAddress: '127.0.0.1' } } },
    );
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  const at = (key: string) => `/${BUCKET}/${key.split('/').map(encodeURIComponent).join('/')}`;
  return { s3, sts, clock, credentials, send, at, account: ACCOUNT };
}

/** The text of each element of that name. */
export const all = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) => text);

export const code = (xml: string): string | undefined => all(xml, 'Code')[0];

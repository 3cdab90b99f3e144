/**
 * A role that another role's session assumes, asked by the real SDK.
 *
 * @module
 */
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  AssumeRoleWithWebIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import { ACCOUNT, ISSUER, ROLE, sign, WALLET, WALLET_TAG, walletClaims, wellKnown } from './support.ts';

const NEXT = `arn:aws:iam::${ACCOUNT}:role/next`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/data-role/${WALLET}@a`;
const trusting = (principal: string, condition: object = {}, actions = ['sts:AssumeRole', 'sts:TagSession']) => ({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { AWS: principal }, Action: actions, Condition: condition },
});

let sts: RunningStsEmulator;
beforeEach(async () => {
  sts = await startStsEmulator({
    accountId: ACCOUNT,
    issuers: [{ issuer: ISSUER, audiences: ['sts.amazonaws.com'] }],
    roles: [{ arn: ROLE, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER }) }],
    fetchIssuer: async url => wellKnown(url),
  });
});
afterEach(() => sts.close());

/** Becomes the next role with a session of the first. */
async function chain(trustPolicy: object, more: Partial<AssumeRoleCommandInput> = {}) {
  sts.putRole({ arn: NEXT, trustPolicy: { ...trustPolicy }, maxSessionDuration: 7_200 });
  const anonymous = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) };
  const client = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) =>
    new STSClient({ endpoint: sts.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  const { Credentials } = await client(anonymous).send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: ROLE,
      RoleSessionName: `${WALLET}@a`,
      WebIdentityToken: await sign(walletClaims(Date.now())),
    }),
  );
  const session = client({
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  });
  const answer = await session.send(new AssumeRoleCommand({ RoleArn: NEXT, RoleSessionName: 'next', ...more }));
  return sts.sessions.get(answer.Credentials?.AccessKeyId ?? '');
}

describe('AssumeRole', () => {
  it.each([ROLE, SESSION])('by a caller whom the trust policy names works, with its transitive tags: %s', async who => {
    const session = await chain(trusting(who), { Tags: [{ Key: 'team', Value: 'ingest' }] });
    expect(session).toMatchObject({
      assumedRoleArn: `arn:aws:sts::${ACCOUNT}:assumed-role/next/next`,
      principalTags: { [WALLET_TAG]: WALLET, team: 'ingest' },
      transitiveTagKeys: [WALLET_TAG],
    });
  });

  it.each<[string, object]>([
    ['another role', trusting(`arn:aws:iam::${ACCOUNT}:role/other`)],
    ['only the account, which leaves it to policies that nobody has', trusting(ACCOUNT)],
    ['the provider', walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER })],
    ['it, without sts:TagSession for its transitive tags', trusting(ROLE, {}, ['sts:AssumeRole'])],
    ['it, for another wallet', trusting(ROLE, { StringEquals: { [`aws:PrincipalTag/${WALLET_TAG}`]: '0xother' } })],
    ['it, with an external id that is not sent', trusting(ROLE, { StringEquals: { 'sts:ExternalId': 'x' } })],
  ])('is AccessDenied where the trust policy names %s', async (_, policy) => {
    await expect(chain(policy)).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
  });

  it('decides by the caller’s own tags and by what is asked', async () => {
    const condition = {
      StringEquals: { [`aws:PrincipalTag/${WALLET_TAG}`]: WALLET, 'sts:ExternalId': 'x', 'aws:RequestTag/team': 'a' },
    };
    const asked = { ExternalId: 'x', Tags: [{ Key: 'team', Value: 'a' }] };
    expect(await chain(trusting(ROLE, condition), asked)).toBeDefined();
  });

  it('sets no transitive tag again, and lasts an hour at most', async () => {
    const again = { Tags: [{ Key: WALLET_TAG.toUpperCase(), Value: '0xother' }] };
    await expect(chain(trusting(ROLE), again)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(chain(trusting(ROLE), { DurationSeconds: 3_601 })).rejects.toMatchObject({ name: 'ValidationError' });
  });
});

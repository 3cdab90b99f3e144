import { createHash, createHmac } from 'node:crypto';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningStsEmulator, startStsEmulator, walletTrustPolicy } from '../../src/emulator/index.ts';
import {
  ACCOUNT,
  type Answer,
  ISSUER,
  ROLE,
  readAnswer,
  setUp,
  sign,
  WALLET,
  walletClaims,
  wellKnown,
} from './support.ts';

/** A hash for the signer; a plain one here, since the emulator's own is under test. */
class Sha256 {
  readonly hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | ArrayBuffer | ArrayBufferView) {
    this.hash.update(data as Uint8Array);
  }
  async digest() {
    return this.hash.digest();
  }
}

interface Change {
  secretAccessKey?: string;
  sessionToken?: string | undefined;
  accessKeyId?: string;
  at?: number;
  service?: string;
  /** Whether `x-amz-content-sha256` is sent and signed; not by the AWS SDKs at STS. */
  applyChecksum?: boolean;
  after?: (request: { headers: Record<string, string>; body: string }) => void;
}

type Context = ReturnType<typeof setUp>;
const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';

async function handedOut({ assume }: Context) {
  const answer = await assume();
  const part = (name: string) => answer.get(name) ?? '';
  return {
    accessKeyId: part('AccessKeyId'),
    secretAccessKey: part('SecretAccessKey'),
    sessionToken: part('SessionToken'),
  };
}

async function ask(context: Context, change: Change = {}): Promise<Answer> {
  const credentials = { ...(await handedOut(context)), ...change } as { accessKeyId: string; secretAccessKey: string };
  const { at = context.clock.wall(), service = 'sts', applyChecksum = false } = change;
  const signer = new SignatureV4({ service, region: 'eu-west-1', credentials, sha256: Sha256, applyChecksum });
  const headers = { host: 'sts.local', 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const request = { method: 'POST', protocol: 'http:', hostname: 'sts.local', path: '/', headers, body: BODY };
  const signed = await signer.sign(request, { signingDate: new Date(at) });
  const sent = { headers: { ...signed.headers }, body: BODY };
  change.after?.(sent);
  return readAnswer(await context.sts.app.request('http://sts.local/', { method: 'POST', ...sent }));
}

async function presign(context: Context, age = 0) {
  const credentials = await handedOut(context);
  const signer = new SignatureV4({ service: 'sts', region: 'us-east-1', credentials, sha256: Sha256 });
  const query = { Action: 'GetCallerIdentity', Version: '2011-06-15' };
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: 'http:',
      hostname: 'sts.local',
      path: '/',
      query,
      headers: { host: 'sts.local', 'x-k8s-aws-id': 'c' },
    },
    { expiresIn: 60, signingDate: new Date(context.clock.wall() - age) },
  );
  return new URLSearchParams(signed.query as Record<string, string>);
}

describe('GetCallerIdentity', () => {
  it('recognises the credentials that were handed out', async () => {
    const context = setUp();
    const answer = await ask(context);
    expect(answer.status).toBe(200);
    expect(answer.get('Arn')).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/data-role/${WALLET}@scraper-a`);
    expect(answer.get('Account')).toBe(ACCOUNT);
    expect(answer.get('UserId')).toMatch(/^AROA[A-Z2-7]{17}:0x/);
    expect(context.sts.calls.at(-1)).toMatchObject({ action: 'GetCallerIdentity', signed: true, status: 200 });
  });

  it.each<[string, Change, number, string, string]>([
    ['another secret', { secretAccessKey: 'x'.repeat(40) }, 403, 'SignatureDoesNotMatch', 'does not match'],
    ['an unknown key', { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }, 403, 'InvalidClientTokenId', 'invalid'],
    ['no session token', { sessionToken: undefined }, 403, 'InvalidClientTokenId', 'invalid'],
    ['another session token', { sessionToken: 'x' }, 403, 'InvalidClientTokenId', 'invalid'],
    ['another service in the scope', { service: 's3' }, 403, 'SignatureDoesNotMatch', 'correct service'],
    [
      'a changed body',
      {
        after: r => {
          r.body += '&X=1';
        },
      },
      403,
      'SignatureDoesNotMatch',
      'does not match',
    ],
    [
      'a changed body and its hash claimed as before',
      {
        applyChecksum: true,
        after: r => {
          r.body += '&X=1';
        },
      },
      403,
      'SignatureDoesNotMatch',
      'x-amz-content-sha256',
    ],
    [
      'a changed signed header',
      {
        after: r => {
          r.headers['content-type'] = 'application/x-www-form-urlencoded';
        },
      },
      403,
      'SignatureDoesNotMatch',
      'calculated',
    ],
    [
      'a signed header that is gone',
      {
        applyChecksum: true,
        after: r => {
          delete r.headers['x-amz-content-sha256'];
        },
      },
      403,
      'SignatureDoesNotMatch',
      'x-amz-content-sha256',
    ],
    [
      'no date',
      {
        after: r => {
          delete r.headers['x-amz-date'];
        },
      },
      400,
      'IncompleteSignature',
      'X-Amz-Date',
    ],
    [
      'another algorithm',
      {
        after: r => {
          r.headers['authorization'] = 'AWS4-HMAC-SHA1 x';
        },
      },
      400,
      'IncompleteSignature',
      'algorithm',
    ],
    [
      'half a header',
      {
        after: r => {
          r.headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=a';
        },
      },
      400,
      'IncompleteSignature',
      'SignedHeaders',
    ],
    [
      'no signature',
      {
        after: r => {
          delete r.headers['authorization'];
        },
      },
      403,
      'MissingAuthenticationToken',
      'missing Authentication Token',
    ],
  ])('refuses %s', async (_, change, status, code, message) => {
    const answer = await ask(setUp(), change);
    expect([answer.status, answer.get('Code')]).toEqual([status, code]);
    expect(answer.xml).toContain(message);
    expect(answer.xml).not.toContain('Signature=');
  });

  it('allows a clock that is up to 15 minutes off, in both directions', async () => {
    const context = setUp();
    const now = context.clock.wall();
    expect((await ask(context, { at: now - 900_000 })).status).toBe(200);
    expect((await ask(context, { at: now + 900_000 })).status).toBe(200);
    expect((await ask(context, { at: now - 901_000 })).get('Message')).toBe(
      'Signature expired: 20251231T234459Z is now earlier than 20251231T234500Z (20260101T000000Z - 15 min.)',
    );
    expect((await ask(context, { at: now + 901_000 })).get('Message')).toMatch(/^Signature not yet current: /);
  });

  it('says ExpiredToken for a session that is over, until it forgets it', async () => {
    const context = setUp();
    const credentials = await handedOut(context);
    await context.clock.advance(3_600_000);
    const answer = await ask(context, credentials);
    expect([answer.status, answer.get('Code')]).toEqual([403, 'ExpiredToken']);
    await context.clock.advance(3_600_000);
    await context.assume();
    expect((await ask(context, credentials)).get('Code')).toBe('InvalidClientTokenId');
  });

  it('takes a presigned URL, for 15 minutes', async () => {
    const context = setUp();
    const get = async (query: URLSearchParams) =>
      readAnswer(
        await context.sts.app.request(`http://sts.local/?${query}`, {
          headers: { host: 'sts.local', 'x-k8s-aws-id': 'c' },
        }),
      );
    expect((await get(await presign(context))).get('Account')).toBe(ACCOUNT);
    const changed = await presign(context);
    changed.set('X-Amz-Expires', '61');
    expect((await get(changed)).get('Code')).toBe('SignatureDoesNotMatch');
    expect((await get(await presign(context, 901_000))).get('Message')).toMatch(/^Signature expired/);
    const without = await presign(context);
    without.delete('X-Amz-Security-Token');
    expect((await get(without)).get('Code')).toBe('InvalidClientTokenId');
  });
});

describe('over a socket, with the real SDK', () => {
  let sts: RunningStsEmulator;
  const context = setUp();
  beforeEach(async () => {
    sts = await startStsEmulator({
      accountId: ACCOUNT,
      issuers: [{ issuer: ISSUER, audiences: ['sts.amazonaws.com'] }],
      roles: [{ arn: ROLE, trustPolicy: walletTrustPolicy({ accountId: ACCOUNT, issuer: ISSUER }) }],
      fetchIssuer: async url => wellKnown(url),
    });
  });
  afterEach(() => sts.close());

  const anonymous = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) };
  const client = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } = anonymous) =>
    new STSClient({ endpoint: sts.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  const exchange = async () => {
    const WebIdentityToken = await sign(walletClaims(Date.now()));
    return client().send(
      new AssumeRoleWithWebIdentityCommand({ RoleArn: ROLE, RoleSessionName: 'sdk', WebIdentityToken }),
    );
  };

  it('exchanges a token and then knows who is asking; AssumeRole is AccessDenied', async () => {
    const { Credentials } = await exchange();
    expect(Credentials?.Expiration).toBeInstanceOf(Date);
    const session = client({
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    });
    const identity = await session.send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/data-role/sdk`);
    for (const who of [session, client()]) {
      const plain = who.send(new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'x-y' }));
      await expect(plain).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
    }
    expect(sts.calls.map(({ action, signed }) => [action, signed])).toEqual([
      ['AssumeRoleWithWebIdentity', false],
      ['GetCallerIdentity', true],
      ['AssumeRole', true],
      ['AssumeRole', true],
    ]);
  });

  it('gives the SDK the failures that a test asks for, then goes on', async () => {
    sts.fail({ code: 'Throttling', message: 'Rate exceeded', times: 2 });
    await expect(exchange()).rejects.toMatchObject({ name: 'Throttling', message: 'Rate exceeded' });
    await expect(exchange()).rejects.toMatchObject({ name: 'Throttling' });
    sts.fail({ code: 'ServiceUnavailable', status: 503 });
    await expect(exchange()).rejects.toMatchObject({ $fault: 'server', $metadata: { httpStatusCode: 503 } });
    expect((await exchange()).Credentials?.AccessKeyId).toMatch(/^ASIA/);
  });

  it('says which port is taken', async () => {
    await expect(startStsEmulator({ port: Number(new URL(sts.url).port) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('shares nothing with another account’s emulator', () => {
    expect(context.sts.sessions).not.toBe(sts.sessions);
  });
});

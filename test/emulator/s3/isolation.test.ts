import { describe, expect, test } from 'vitest';
import { ROLE, WALLET_TAG } from '../support.ts';
import { all, BUCKET, bucketPolicy, careless, code, FOREIGN, OWN, rolePolicy, startWorld } from './support.ts';

describe('with the policies that aws-setup prints', () => {
  test('a session lists, reads, writes and deletes in its own folder', async () => {
    const { send, at } = await startWorld();
    expect(all((await send(`/${BUCKET}?list-type=2&prefix=${encodeURIComponent(OWN)}`)).text, 'Key')).toEqual([
      `${OWN}hello`,
    ]);
    expect((await send(at(`${OWN}hello`))).text).toBe('hello');
    expect((await send(at(`${OWN}new`), { method: 'PUT', body: 'new' })).status).toBe(200);
    expect((await send(at(`${OWN}new`))).text).toBe('new');
    expect((await send(at(`${OWN}new`), { method: 'DELETE' })).status).toBe(204);
  });

  test.each([
    ['lists another wallet’s folder', `/${BUCKET}?list-type=2&prefix=${encodeURIComponent(FOREIGN)}`, {}],
    ['lists it by the first version of the call', `/${BUCKET}?prefix=${encodeURIComponent(FOREIGN)}`, {}],
    ['lists the whole bucket', `/${BUCKET}`, {}],
    ['lists with an empty prefix', `/${BUCKET}?list-type=2&prefix=`, {}],
    ['lists the folders of all wallets', `/${BUCKET}?list-type=2&prefix=bots%2F&delimiter=%2F`, {}],
    ['lists versions', `/${BUCKET}?versions`, {}],
    ['lists uploads', `/${BUCKET}?uploads`, {}],
    ['reads another wallet’s object', `/${BUCKET}/${FOREIGN}secret`, {}],
    ['asks for an object that isn’t there', `/${BUCKET}/${FOREIGN}none`, {}],
    ['writes there', `/${BUCKET}/${FOREIGN}new`, { method: 'PUT', body: 'x' }],
    ['deletes there', `/${BUCKET}/${FOREIGN}secret`, { method: 'DELETE' }],
    ['puts a lifecycle on the bucket', `/${BUCKET}?lifecycle`, { method: 'PUT', body: '<x/>' }],
    ['reads the bucket’s policy', `/${BUCKET}?policy`, {}],
    [
      'writes with an ACL in its own folder',
      `/${BUCKET}/${OWN}x`,
      { method: 'PUT', headers: { 'x-amz-acl': 'public-read' } },
    ],
  ])('nobody %s', async (_, target, sent) => {
    const { send } = await startWorld();
    const { status, text } = await send(target, sent);
    expect([status, code(text)]).toEqual([403, 'AccessDenied']);
  });

  test('a copy needs to read its source', async () => {
    const { send, at } = await startWorld();
    const copy = (source: string) =>
      send(at(`${OWN}copy`), { method: 'PUT', headers: { 'x-amz-copy-source': `/${BUCKET}/${source}` } });
    expect((await copy(`${FOREIGN}secret`)).status).toBe(403);
    expect((await copy(`${OWN}hello`)).status).toBe(200);
  });

  test('many deletes in one request are authorized key by key', async () => {
    const { send } = await startWorld();
    const body = `<Delete><Object><Key>${OWN}hello</Key></Object><Object><Key>${FOREIGN}secret</Key></Object></Delete>`;
    const { text } = await send(`/${BUCKET}?delete`, { method: 'POST', body });
    expect(all(text, 'Key')).toEqual([`${OWN}hello`, `${FOREIGN}secret`]);
    expect(all(text, 'Code')).toEqual(['AccessDenied']);
  });

  test('a session without the wallet tag reaches nothing, not even a folder without a name', async () => {
    const { send } = await startWorld(
      { buckets: [{ name: BUCKET, policy: bucketPolicy, objects: { 'bots//x': 'x' } }] },
      { tags: { Team: ['x'] }, trustPolicy: careless },
    );
    for (const target of [`/${BUCKET}?prefix=bots%2F%2F`, `/${BUCKET}/bots//x`, `/${BUCKET}/${OWN}hello`])
      expect([target, code((await send(target)).text)]).toEqual([target, 'AccessDenied']);
  });

  test('an anonymous request is refused', async () => {
    const { send, at } = await startWorld();
    expect(code((await send(at(`${OWN}hello`), { anonymous: true })).text)).toBe('AccessDenied');
  });
});

test('a broad grant on the role is stopped by the bucket’s Denies, and opens everything without them', async () => {
  const broad = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] };
  const stopped = await startWorld({ rolePolicies: { [ROLE]: broad } });
  const refused = await stopped.send(`/${BUCKET}/${FOREIGN}secret`);
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('with an explicit deny')]);
  const open = await startWorld({
    rolePolicies: { [ROLE]: broad },
    buckets: [{ name: BUCKET, objects: { [`${FOREIGN}secret`]: 'secret' } }],
  });
  expect((await open.send(`/${BUCKET}/${FOREIGN}secret`)).text).toBe('secret');
});

test('policies can be replaced while it runs, and one that S3 would refuse is named', async () => {
  const { s3, send } = await startWorld();
  const open = {
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/*` },
  };
  s3.putBucketPolicy(BUCKET, open);
  expect((await send(`/${BUCKET}/${FOREIGN}secret`, { anonymous: true })).text).toBe('secret');
  expect(() => s3.putBucketPolicy(BUCKET, '{')).toThrow(/the policy of my-data/);
  expect(() => s3.putRolePolicy(ROLE, { ...rolePolicy, Statement: [{ Effect: 'Allow' }] })).toThrow(TypeError);
  expect(JSON.stringify(bucketPolicy)).toContain(WALLET_TAG);
});

/**
 * The printed script, run by Debian's AWS CLI, which is old, against an account on loopback.
 *
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli, renderRevocationCli } from '../../src/aws/setup/render/cli.ts';
import { revocationOf, setupOf } from '../../src/aws/setup/setup.ts';
import { because, debian } from '../support/clients.ts';
import { run, temporaryFolder } from '../support/process.ts';
import { type AccountStub, accountStub } from './account-stub.ts';
import { configOf, WALLET_A } from './support.ts';

const ACCOUNT = '123456789012';
const PROVIDER = `arn:aws:iam::${ACCOUNT}:oidc-provider/oidc.example.com`;
const setup = setupOf(configOf({ sessionDuration: 7200 }), { bucket: 'my.bucket', prefix: "it's/" });
const policy = JSON.stringify(documentOf(setup.bucketPolicy));

describe.skipIf(because(debian('awscli')))('the script, by AWS CLI 2.9', () => {
  let account: AccountStub;
  const folder = temporaryFolder('setup-script');
  beforeEach(async () => {
    account = await accountStub(ACCOUNT, ['my.bucket']);
  });
  afterEach(() => account.close());

  /** An AWS CLI so old has no variable for the endpoint. */
  function sh(script: string, url = account.url) {
    writeFileSync(join(folder.path, 'aws'), `#!/bin/sh\nexec /usr/bin/aws --endpoint-url ${url} "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(join(folder.path, 'setup.sh'), script);
    const env = {
      PATH: `${folder.path}:/usr/bin:/bin`,
      HOME: folder.path,
      AWS_ACCESS_KEY_ID: 'AKIAADMIN',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_PAGER: '',
    };
    return run('/bin/sh', [join(folder.path, 'setup.sh')], { env, timeout: 240_000 });
  }

  test('sets an empty account up, and run again makes nothing twice and restores what was changed', {
    timeout: 240_000,
  }, async () => {
    expect(await sh(renderCli(setup))).toMatchObject({ code: 0, stderr: '' });
    const role = account.roles.get('agentkeys-data-role');
    const state = () => [
      [...account.providers].map(([arn, audiences]) => [arn, ...audiences]),
      { ...role, policies: [...(role?.policies ?? [])] },
      account.buckets.get('my.bucket'),
    ];
    const first = state();
    expect(first).toEqual([
      [[PROVIDER, 'sts.amazonaws.com']],
      {
        trust: JSON.stringify(documentOf(setup.roles[0]?.trust ?? [])),
        maxSession: 7200,
        path: '/',
        policies: [['walletcreds-my.bucket', JSON.stringify(documentOf(setup.roles[0]?.permissions ?? []))]],
      },
      policy,
    ]);
    // What somebody changed meanwhile is as it was, and what they added stays.
    account.providers.get(PROVIDER)?.add('another');
    account.providers.get(PROVIDER)?.delete('sts.amazonaws.com');
    Object.assign(role ?? {}, { trust: '{}', maxSession: 3600 });
    expect(await sh(renderCli(setup))).toMatchObject({ code: 0, stderr: '' });
    expect(state()).toEqual([[[PROVIDER, 'another', 'sts.amazonaws.com']], ...first.slice(1)]);
    expect(account.changes.filter(change => change.startsWith('Create'))).toEqual([
      'CreateOpenIDConnectProvider',
      'CreateRole',
    ]);
  });

  test('stops before any change in another account, a revocation too', { timeout: 240_000 }, async () => {
    const other = await accountStub('999999999999', ['my.bucket']);
    const revocation = revocationOf(configOf(), { wallet: WALLET_A, now: 0 });
    for (const script of [renderCli(setup), renderRevocationCli(revocation)]) {
      const { code, stderr } = await sh(script, other.url);
      expect([code, stderr]).toEqual([1, expect.stringContaining('account 999999999999')]);
    }
    await other.close();
    expect(other.changes).toEqual([]);
  });
});

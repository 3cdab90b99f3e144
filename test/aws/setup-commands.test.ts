/**
 * The setup as commands: what the printed script asks of the AWS CLI, and where it stops.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli, renderRevocationCli, shellQuoted } from '../../src/aws/setup/render/cli.ts';
import { revocationOf, setupOf } from '../../src/aws/setup/setup.ts';
import { NO_POLICY, runScript } from './recording-cli.ts';
import { configOf, FULL, ROLE, WALLET_A } from './support.ts';

const setup = setupOf(configOf(), FULL);
const revocation = revocationOf(configOf(), { wallet: WALLET_A, now: Date.UTC(2026, 0, 1) });

describe('as commands', () => {
  test('a new account gets each part once, and the documents arrive at the AWS CLI as they were made', () => {
    const { status, calls } = runScript(renderCli(setup), {
      'get-open-id-connect-provider': 'exit 254',
      'get-role': 'exit 254',
      'get-bucket-policy': NO_POLICY,
    });
    expect(status).toBe(0);
    const verbs = calls.map(call => call[1]);
    expect(verbs).toEqual([
      'get-caller-identity',
      'get-bucket-policy',
      'get-open-id-connect-provider',
      'create-open-id-connect-provider',
      'add-client-id-to-open-id-connect-provider',
      'get-role',
      'create-role',
      'update-assume-role-policy',
      'update-role',
      'untag-role',
      'put-role-policy',
      'put-bucket-policy',
    ]);
    const argument = (verb: string, flag: string) => {
      const call = calls.find(c => c[1] === verb) ?? [];
      return JSON.parse(call[call.indexOf(flag) + 1] ?? 'null');
    };
    expect(argument('create-role', '--assume-role-policy-document')).toEqual(documentOf(setup.roles[0]?.trust ?? []));
    expect(argument('put-role-policy', '--policy-document')).toEqual(documentOf(setup.roles[0]?.permissions ?? []));
    expect(argument('put-bucket-policy', '--policy')).toEqual(documentOf(setup.bucketPolicy));
  });

  test('run again, it makes nothing twice', () => {
    const own = JSON.stringify(documentOf(setup.bucketPolicy)).replaceAll("'", '');
    const { status, calls } = runScript(renderCli(setup), { 'get-bucket-policy': `echo '${own}'` });
    expect(status).toBe(0);
    expect(calls.map(c => c[1]).filter(v => v?.startsWith('create-'))).toEqual([]);
  });

  test.each([
    ['a statement of its own', '{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Allow"}]}'],
    [
      'ours and one of its own',
      '{"Statement":[{"Sid":"WalletcredsNothingWithoutAWallet","Effect":"Deny"},{"Effect":"Allow"}]}',
    ],
  ])('a bucket whose policy has %s keeps it', (_, policy) => {
    const { status, calls, stderr } = runScript(renderCli(setup), { 'get-bucket-policy': `echo '${policy}'` });
    expect(status).toBe(1);
    expect(stderr).toContain('policy of its own: add the statements below to it');
    const below = stderr.slice(stderr.indexOf('{'));
    expect(JSON.parse(below)).toEqual(documentOf(setup.bucketPolicy));
    expect(calls.map(c => c[1])).not.toContain('put-bucket-policy');
  });

  test('roles that another configuration confined are not released, unless that is asked for', () => {
    const other = JSON.stringify(documentOf(setup.bucketPolicy))
      .replaceAll("'", '')
      .replaceAll(JSON.stringify(ROLE), JSON.stringify([ROLE, 'arn:aws:iam::123456789012:role/other']));
    const there = { 'get-bucket-policy': `echo '${other}'` };
    const stopped = runScript(renderCli(setup), there);
    expect(stopped.status).toBe(1);
    expect(stopped.stderr).toContain('REPLACE=1');
    expect(stopped.stderr).toContain('role/other');
    expect(stopped.stderr).not.toContain(ROLE);
    expect(stopped.calls.map(c => c[1])).toEqual(['get-caller-identity', 'get-bucket-policy']);
    const told = runScript(`REPLACE=1\n${renderCli(setup)}`, there);
    expect(told.calls.map(c => c[1])).toContain('put-bucket-policy');
  });

  test.each([
    ['the setup', renderCli(setup)],
    ['a revocation', renderRevocationCli(revocation)],
  ])('%s changes nothing in an account that is not the roles’', (_, script) => {
    const { status, calls, stderr } = runScript(script, { 'get-caller-identity': 'echo 999999999999' });
    expect(status).toBe(1);
    expect(stderr).toContain('of account 999999999999, and the roles are in 123456789012');
    expect(calls.map(c => c[1])).toEqual(['get-caller-identity']);
  });

  test('a bucket whose policy cannot be read is not overwritten', () => {
    const { status, calls } = runScript(renderCli(setup), { 'get-bucket-policy': 'echo "AccessDenied" >&2; exit 254' });
    expect(status).toBe(1);
    expect(calls.map(c => c[1])).toEqual(['get-caller-identity', 'get-bucket-policy']);
  });

  test('--revoke puts one inline policy on the role', () => {
    const { calls } = runScript(renderRevocationCli(revocation));
    expect(calls.map(c => c.slice(0, 6))).toEqual([
      ['sts', 'get-caller-identity', '--query', 'Account', '--output', 'text'],
      [
        'iam',
        'put-role-policy',
        '--role-name',
        'agentkeys-data-role',
        '--policy-name',
        `walletcreds-revoke-${WALLET_A}`,
      ],
    ]);
  });

  test('no value can leave its word in the shell', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter(s => !s.includes('\0')),
        value => {
          const out = execFileSync('/bin/sh', ['-c', `printf %s ${shellQuoted(value)}`], { encoding: 'utf8' });
          expect(out).toBe(Buffer.from(value).toString());
        },
      ),
      { numRuns: 40 },
    );
  });
});

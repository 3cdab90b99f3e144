/**
 * What `--bind-session` prints, in force at the emulator.
 *
 * @module
 */
import { expect, test } from 'vitest';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { ISSUER, ROLE, setUp, sign, WALLET } from '../emulator/support.ts';
import { configOf, WALLET_B } from './support.ts';

const { roles } = setupOf(configOf({ roleArn: ROLE, issuer: ISSUER }), { bucket: 'data', bindSession: true });
const { assume, claims } = setUp({ roles: [{ arn: ROLE, trustPolicy: { ...documentOf(roles[0]?.trust ?? []) } }] });

test('a token whose subject and session name are its wallet becomes the role', async () => {
  expect((await assume()).get('Arn')).toContain(`/${WALLET}@scraper-a`);
});

test.each([
  ['whose subject is another wallet', { sub: `agentkeys:agent:${WALLET_B}` }, {}],
  ['whose subject is somebody else’s', { sub: 'system:serviceaccount:a:b' }, {}],
  ['under another wallet’s session name', {}, { RoleSessionName: `${WALLET_B}@scraper-b` }],
  ['under a session name without a wallet', {}, { RoleSessionName: 'scraper-a' }],
])('a token %s does not', async (_, change, params) => {
  const answer = await assume(await sign(claims(change)), params);
  expect([answer.status, answer.get('Code')]).toEqual([403, 'AccessDenied']);
});

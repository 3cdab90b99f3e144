/**
 * The table's account on a Ceph gateway: its provider and its roles, put there by signed IAM calls.
 *
 * @module
 */
import { sendSigned } from '../../src/aws/signed-request.ts';
import type { Gateway } from './gateway.ts';
import { type RoleName, roleName, type World } from './sts-world.ts';

/** @returns what Ceph said of each role's policy: the status of CreateRole */
export async function createAccount(
  gateway: Pick<Gateway, 'url' | 'admin'>,
  world: World,
): Promise<Record<RoleName, number>> {
  const call = async (params: Record<string, string>) => {
    const body = new URLSearchParams({ Version: '2010-05-08', ...params }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const url = `${gateway.url}/`;
    return sendSigned({ method: 'POST', url, body, headers, service: 'iam', region: 'us-east-1' }, gateway.admin);
  };
  const audiences = world.audiences.map((id, i) => [`ClientIDList.member.${i + 1}`, id]);
  const provider = await call({
    Action: 'CreateOpenIDConnectProvider',
    Url: world.issuer,
    // Ceph wants one, and compares it with nothing.
    'ThumbprintList.member.1': '0'.repeat(40),
    ...Object.fromEntries(audiences),
  });
  if (provider.status !== 200) throw new Error(`CreateOpenIDConnectProvider: ${provider.status} ${provider.body}`);
  const made: Partial<Record<RoleName, number>> = {};
  for (const [name, document] of Object.entries(world.roles) as [RoleName, unknown][]) {
    const { status } = await call({
      Action: 'CreateRole',
      RoleName: roleName(name),
      Path: '/',
      AssumeRolePolicyDocument: JSON.stringify(document),
      MaxSessionDuration: String(world.maxSessionDuration),
    });
    made[name] = status;
  }
  return made as Record<RoleName, number>;
}

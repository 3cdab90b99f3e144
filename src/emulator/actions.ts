/**
 * From a request to its action, by STS's query protocol.
 *
 * @module
 */
import { assumeRole } from './assume-chained.ts';
import { type Account, assumeRoleWithWebIdentity } from './assume-role.ts';
import { StsError } from './errors.ts';
import type { WireRequest } from './query.ts';
import { verifySignature } from './sigv4.ts';
import type { Elements } from './xml.ts';

const VERSION = '2011-06-15';

/** @returns the action's name and the elements of its result. @throws StsError */
export async function perform(request: WireRequest, account: Account): Promise<{ action: string; result: Elements }> {
  const action = request.params.get('Action');
  if (action === undefined || action === '') {
    throw new StsError('MissingAction', 'The request is missing an action or a required parameter: Action');
  }
  const version = request.params.get('Version') ?? 'NO_VERSION_SPECIFIED';
  const perform = version === VERSION && Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (perform === undefined) {
    throw new StsError(
      'InvalidAction',
      `Could not find operation ${action.slice(0, 100)} for version ${version.slice(0, 100)}`,
    );
  }
  return { action, result: await perform(request, account) };
}

const ACTIONS: Record<string, (request: WireRequest, account: Account) => Promise<Elements>> = {
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  AssumeRole: assumeRole,
  async GetCallerIdentity(request, account) {
    const session = await verifySignature(request, account.store, account.now());
    return { Arn: session.assumedRoleArn, UserId: session.assumedRoleId, Account: session.accountId };
  },
};

/**
 * From a request to its action, by STS's query protocol.
 *
 * @module
 */
import { type Account, assumeRoleWithWebIdentity } from './assume-role.ts';
import { accessDenied, StsError } from './errors.ts';
import type { WireRequest } from './query.ts';
import { verifySignature } from './sigv4.ts';
import { isSigned, presentedSignature } from './sigv4-parse.ts';
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

/**
 * Always refused: the roles here trust identity providers, and the account has no other principal that a policy could
 * name. A signature by credentials of this emulator is checked first; of foreign ones nothing can be known, and the
 * role's answer to whoever holds them is the same.
 */
async function assumeRole(request: WireRequest, account: Account): Promise<Elements> {
  let caller = 'anonymous';
  if (isSigned(request)) {
    const { accessKeyId } = presentedSignature(request);
    if (account.store.sessions.has(accessKeyId)) {
      caller = (await verifySignature(request, account.store, account.now())).assumedRoleArn;
    } else {
      caller = 'unknown to this account';
    }
  }
  const resource = (request.params.get('RoleArn') ?? '').slice(0, 200);
  throw accessDenied(`User: ${caller} is not authorized to perform: sts:AssumeRole on resource: ${resource}`);
}

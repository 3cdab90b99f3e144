/**
 * `walletcreds keys revoke KID`: takes a key out of the JWKS and of signing at once.
 *
 * @module
 */

import type { Command } from 'commander';
import { revokeKey } from '../../../identity-token/keys/rotate.ts';
import { readKeyFolder } from '../../../identity-token/keys/set.ts';
import { UsageError } from '../../../lib/errors.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type KeysCommand, type KeysFlags, keysCommand, reporting, stateOf } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys revoke KID --dir keys')
    .description('Takes a key out of the JWKS and of signing at once, and prints what is left to do.')
    .argument('<KID>', 'its kid, from `keys list`')
    // A kid can begin with "-": older keys do, and those of other programs.
    .allowUnknownOption()
    .action(
      run(async (kid: string, flags: KeysFlags) => {
        if (kid.startsWith('--')) throw new UsageError(`unknown option ${kid}; a kid comes from \`keys list\``);
        return keysRevoke({ ...(await keysCommand(flags, io)), kid });
      }),
    );
}

/**
 * Drops a key at once.
 *
 * @param command.audit called once the key is gone; its failure is reported, and the key stays revoked
 */
export async function keysRevoke(
  command: KeysCommand & { kid: string; audit?: (event: { action: 'revoke'; kid: string }) => Promise<void> },
): Promise<number> {
  return reporting(command, async ({ keysDir, purpose, out, err, now }) => {
    const { kid } = command;
    const removed = await revokeKey(keysDir, kid);
    if (removed.length === 0) {
      err(`${keysDir}: no key has the kid "${kid}"; walletcreds keys list shows those that are there`);
      return 1;
    }
    for (const file of removed) out(`${kid}  revoked, ${file} is gone`);
    for (const line of afterRevocation(now)) out(line);
    const { keys } = await readKeyFolder(keysDir, purpose);
    if (!keys.some(key => stateOf(key, keys, now) === 'signing')) {
      err('No key can sign now. Make one with walletcreds keys generate; it signs at once.');
    } else {
      // A revoked successor leaves the key that it was to replace, which still retires.
      const last = Math.max(...keys.map(({ retireAt }) => retireAt ?? Infinity));
      if (last < Infinity) {
        err(`From ${isoSeconds(last * 1000)} on no key can sign, since every one left retires by then.`);
        err('Run walletcreds keys rotate now: it makes a successor.');
      }
    }
    await command.audit?.({ action: 'revoke', kid });
    return 0;
  });
}

/** What is left to do after a revocation. */
function afterRevocation(now: number): readonly string[] {
  const deny = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { DateLessThan: { 'aws:TokenIssueTime': isoSeconds(Math.ceil(now / 1000) * 1000) } },
  };
  return [
    'A running walletcreds stops signing with it and publishing it at once. What is left to do:',
    '1. Where the JWKS is a static tree: walletcreds keys jwks --out DIR, and upload it. Until caches of the old one have',
    '   run out (up to an hour), STS may still take tokens that were signed with the key.',
    "2. Sessions that were made with such tokens live on. End them by this statement in the role's policy, with the time",
    '   moved on to when the last cache has run out; workloads get new sessions automatically:',
    `   ${JSON.stringify(deny)}`,
    '3. Other copies of the file (backups, Secrets, images) still hold the key.',
  ];
}

/**
 * `walletcreds keys rotate`: the next key, published before it signs.
 *
 * @module
 */

import { type Command, Option } from 'commander';
import type { KeyAlgorithm } from '../../../identity-token/keys/file.ts';
import { rotateKeys } from '../../../identity-token/keys/rotate.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type KeysCommand, type KeysFlags, keysCommand, reporting } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys rotate')
    .description('Publishes the next key before it signs. The old key retires once its last token has expired.')
    .addOption(
      new Option('--alg <ALG>', 'the algorithm (default: that of the key which signs)').choices(['ES256', 'RS256']),
    )
    .action(
      run(async ({ alg, ...flags }: KeysFlags & { alg?: KeyAlgorithm }) =>
        keysRotate({ ...(await keysCommand(flags, io)), ...(alg === undefined ? {} : { alg }) }),
      ),
    );
}

/** Publishes the next key, lets it take over later, and retires the old ones after that. */
export async function keysRotate(
  command: KeysCommand & { alg?: KeyAlgorithm; certificate?: boolean; publishForSeconds?: number },
): Promise<number> {
  return reporting(command, async ({ keysDir, purpose, out, err, now }) => {
    const { alg, certificate, publishForSeconds } = command;
    const rotation = await rotateKeys(keysDir, {
      purpose,
      now,
      ...(alg && { alg }),
      ...(certificate !== undefined && { certificate }),
      ...(publishForSeconds !== undefined && { publishForSeconds }),
    });
    out(
      `${rotation.kid}  ${rotation.alg}  ${rotation.file}  published now, signs from ${isoSeconds(rotation.notBefore * 1000)}`,
    );
    for (const { kid, retireAt } of rotation.retiring)
      out(`${kid}  signs until then, published until ${isoSeconds(retireAt * 1000)}`);
    err(
      'A running walletcreds picks this up automatically. A static .well-known tree does not: run walletcreds keys jwks now',
    );
    err('and upload it, and again once the old keys have left.');
    return 0;
  });
}

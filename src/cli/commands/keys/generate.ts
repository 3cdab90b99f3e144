/**
 * `walletcreds keys generate`: a new signing key.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type KeyAlgorithm, UnusableKeys } from '../../../identity-token/keys/file.ts';
import { loadKeys, readKeyFolder } from '../../../identity-token/keys/set.ts';
import { generateKey } from '../../../identity-token/keys/write.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type KeysCommand, type KeysFlags, keysCommand, reporting } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys generate --alg RS256')
    .description(
      'Makes a signing key, 0600, in the folder of keys. It signs at once; if another key signs already, use `keys rotate`, which publishes the new one first.',
    )
    .addOption(new Option('--alg <ALG>', 'the algorithm').choices(['ES256', 'RS256']).default('ES256'))
    .option('--certificate', 'with a self-signed certificate, published as x5c, which Ceph needs')
    .action(
      run(async ({ alg, certificate = false, ...flags }: KeysFlags & { alg: KeyAlgorithm; certificate?: boolean }) =>
        keysGenerate({ ...(await keysCommand(flags, io)), alg, certificate }),
      ),
    );
}

/** Makes a key. One beside others signs at once, which is for emergencies: `rotate` makes one without an outage. */
export async function keysGenerate(
  command: KeysCommand & { alg?: KeyAlgorithm; certificate?: boolean },
): Promise<number> {
  return reporting(command, async ({ keysDir, purpose, out, err, now }) => {
    const { keys, folderProblem } = await readKeyFolder(keysDir, purpose);
    if (folderProblem !== undefined && existsSync(keysDir)) throw new UnusableKeys([folderProblem]);
    const { alg = 'ES256', certificate = false } = command;
    const others = keys.length > 0;
    const notBefore = others ? { notBefore: Math.floor(now / 1000) } : {};
    const { kid, file } = await generateKey(keysDir, { alg, purpose, certificate, ...notBefore });
    out(`${kid}  ${alg}  ${file}`);
    if (others) {
      err('It signs from now on. Cached copies of the JWKS do not have it yet. Next time: walletcreds keys rotate');
    }
    await loadKeys(keysDir, purpose);
    return 0;
  });
}

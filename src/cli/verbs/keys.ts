/**
 * `keys generate|list|jwks|rotate|revoke`.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { KeyAlgorithm, KeyPurpose } from '../../identity-token/keys/file.ts';
import { UsageError } from '../../lib/errors.ts';
import type { Io, Run } from '../io.ts';
import { configOption, jsonOption } from './options.ts';

interface KeyFlags {
  readonly config: string;
  readonly dir?: string;
  readonly purpose?: KeyPurpose;
}

export function addKeyVerbs(program: Command, io: Io, run: Run): void {
  const keys = program
    .command('keys')
    .summary('signing keys: generate, list, jwks, rotate, revoke')
    .description('The keys that sign identity tokens.')
    .helpCommand(false);
  const verb = (name: string, description: string) =>
    keys
      .command(name)
      .description(description)
      .addOption(configOption())
      .option('--dir <DIR>', 'the folder of keys; default: keys_dir of the configuration')
      .addOption(
        new Option('--purpose <PURPOSE>', 'what the keys sign').choices(['oidc', 'session', 'dev']).hideHelp(),
      );
  const algOption = () => new Option('--alg <ALG>', 'the algorithm').choices(['ES256', 'RS256']);
  const room = async (flags: KeyFlags) => {
    const [verbs, { keysCommand }] = await Promise.all([import('../commands/keys.ts'), import('../keys-dir.ts')]);
    return { verbs, command: await keysCommand(flags, io) };
  };

  verb(
    'generate',
    'Makes a signing key, 0600, in the folder of keys. It signs at once: where another one does, `keys rotate` publishes it first.',
  )
    .addOption(algOption().default('ES256'))
    .option('--certificate', 'with a self-signed certificate, published as x5c: Ceph wants one')
    .action(
      run(async (flags: KeyFlags & { alg: KeyAlgorithm; certificate?: boolean }) => {
        const { verbs, command } = await room(flags);
        return verbs.keysGenerate({ ...command, alg: flags.alg, certificate: flags.certificate ?? false });
      }),
    );
  verb('list', 'Lists the keys: which one signs, which is next, which retires when.')
    .addOption(jsonOption())
    .action(
      run(async (flags: KeyFlags & { json?: boolean }) => {
        const { verbs, command } = await room(flags);
        return verbs.keysList({ ...command, json: flags.json ?? false });
      }),
    );
  verb('jwks', 'Prints the JWKS, or writes the static .well-known tree for a bucket or a CDN.')
    .option('--out <DIR>', 'where to write .well-known/openid-configuration and .well-known/jwks.json')
    .action(
      run(async (flags: KeyFlags & { out?: string }) => {
        const { verbs, command } = await room(flags);
        return verbs.keysJwks({ ...command, ...(flags.out === undefined ? {} : { outDir: flags.out }) });
      }),
    );
  verb('rotate', 'Publishes the next key before it signs, and retires the old one once its last token has ended.')
    .addOption(algOption())
    .action(
      run(async (flags: KeyFlags & { alg?: KeyAlgorithm }) => {
        const { verbs, command } = await room(flags);
        return verbs.keysRotate({ ...command, ...(flags.alg === undefined ? {} : { alg: flags.alg }) });
      }),
    );
  verb('revoke', 'Takes a key out of the JWKS and of signing at once, and says what else to do.')
    .argument('<KID>', 'its kid, from `keys list`')
    // A kid may begin with "-": older keys do, and those of other programs.
    .allowUnknownOption()
    .action(
      run(async (kid: string, flags: KeyFlags) => {
        if (kid.startsWith('--')) throw new UsageError(`unknown option ${kid}; a kid comes from \`keys list\``);
        const { verbs, command } = await room(flags);
        return verbs.keysRevoke({ ...command, kid });
      }),
    );
}

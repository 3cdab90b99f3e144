/**
 * `walletcreds keys jwks`: the public keys, as a document or as the static `.well-known` tree.
 *
 * @module
 */
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { DISCOVERY_PATH, discoveryDocument, JWKS_PATH } from '../../../identity-token/keys/discovery.ts';
import { loadKeys } from '../../../identity-token/keys/set.ts';
import { makeFolder } from '../../../lib/files/make-folder.ts';
import { replaceFile } from '../../../lib/files/replace-file.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type KeysCommand, type KeysFlags, keysCommand, reporting } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys jwks --out public')
    .description('Prints the JWKS, or writes the static .well-known tree for a bucket or a CDN.')
    .option('--out <DIR>', 'write .well-known/openid-configuration and .well-known/jwks.json there')
    .action(
      run(async ({ out, ...flags }: KeysFlags & { out?: string }) =>
        keysJwks({ ...(await keysCommand(flags, io)), ...(out === undefined ? {} : { outDir: out }) }),
      ),
    );
}

/** The JWKS to stdout, or with `outDir` the static `.well-known` tree for a bucket or a CDN. */
export async function keysJwks(
  command: KeysCommand & { outDir?: string; issuer?: string; walletTag?: string },
): Promise<number> {
  return reporting(command, async ({ keysDir, purpose, out, err, now }) => {
    const { outDir, issuer } = command;
    const jwks = (await loadKeys(keysDir, purpose)).publicJwks(now);
    if (outDir === undefined) {
      out(JSON.stringify(jwks, null, 2));
      return 0;
    }
    if (issuer === undefined) {
      err('keys jwks --out needs identity_token.signer.issuer in the configuration: the discovery document names it');
      return 2;
    }
    const algs = jwks.keys.map(({ alg }) => alg);
    const documents = [
      [DISCOVERY_PATH, discoveryDocument(issuer, algs, command.walletTag)],
      [JWKS_PATH, jwks],
    ] as const;
    for (const [path, document] of documents) {
      const file = join(outDir, path);
      makeFolder(dirname(file));
      await replaceFile(file, `${JSON.stringify(document, null, 2)}\n`, 0o644);
      out(`${file}  served as ${issuer.replace(/\/$/, '')}${path}, Content-Type application/json`);
    }
    return 0;
  });
}

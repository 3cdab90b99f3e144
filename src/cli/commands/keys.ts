/**
 * `walletcreds keys generate|list|jwks|rotate|revoke`. Prints names, times and public keys; key material never.
 *
 * Every verb returns the exit status: 0 done, 1 it failed, 2 the command is wrong.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DISCOVERY_PATH, discoveryDocument, JWKS_PATH } from '../../identity-token/keys/discovery.ts';
import { type KeyAlgorithm, type KeyPurpose, type SigningKey, UnusableKeys } from '../../identity-token/keys/file.ts';
import { revokeKey, rotateKeys } from '../../identity-token/keys/rotate.ts';
import { keySetOf, loadKeys, readKeyFolder } from '../../identity-token/keys/set.ts';
import { generateKey, replaceFile } from '../../identity-token/keys/write.ts';
import { WalletcredsError } from '../../lib/errors.ts';
import { makeFolder } from '../../lib/files/make-folder.ts';

/** What every verb takes. */
export interface KeysCommand {
  readonly keysDir: string;
  /** Default `oidc`. */
  readonly purpose?: KeyPurpose;
  /** One line of what was asked for, to stdout. */
  readonly out: (line: string) => void;
  /** One line of advice or of an error, to stderr. */
  readonly err: (line: string) => void;
  /** Wall time in ms; default the machine's. */
  readonly now?: number;
}

/** Makes a key. One more beside others signs at once, which is for emergencies: `rotate` is the way without an outage. */
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
      err(
        'It signs from now on, and who keeps a copy of the JWKS does not know it yet. Next time: walletcreds keys rotate',
      );
    }
    await loadKeys(keysDir, purpose);
    return 0;
  });
}

/** One key a line, or JSON; exit status 1 where a file is no good key. */
export async function keysList(command: KeysCommand & { json?: boolean }): Promise<number> {
  return reporting(command, async ({ keysDir, purpose, out, err, now }) => {
    const { keys, problems, warnings, folderProblem } = await readKeyFolder(keysDir, purpose);
    const rows = keySetOf(keysDir, keys).keys.map(key => ({
      kid: key.kid,
      alg: key.alg,
      purpose: key.purpose,
      state: stateOf(key, keys, now),
      not_before: key.notBefore === 0 ? null : key.notBefore,
      retire_at: key.retireAt ?? null,
      certificate: key.publicJwk.x5c !== undefined,
      file: key.file,
    }));
    if (command.json) out(JSON.stringify(rows, null, 2));
    for (const row of command.json ? [] : rows) {
      const times = [row.not_before && `from ${iso(row.not_before)}`, row.retire_at && `until ${iso(row.retire_at)}`];
      const marks = [...times, row.certificate && 'x5c'].filter(Boolean).join(', ');
      out(`${row.kid}  ${row.alg}  ${row.state.padEnd(8)}  ${row.file}${marks === '' ? '' : `  (${marks})`}`);
    }
    const findings = folderProblem === undefined ? problems : [folderProblem];
    for (const { file, message } of findings) err(`${file}: ${message}`);
    for (const warning of warnings) err(warning);
    if (rows.length === 0 && findings.length === 0) err(`${keysDir}: no key yet; walletcreds keys generate makes one`);
    return findings.length === 0 ? 0 : 1;
  });
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
    out(`${rotation.kid}  ${rotation.alg}  ${rotation.file}  published now, signs from ${iso(rotation.notBefore)}`);
    for (const { kid, retireAt } of rotation.retiring)
      out(`${kid}  signs until then, published until ${iso(retireAt)}`);
    err(
      'A running walletcreds picks this up by itself. A static .well-known tree does not: run walletcreds keys jwks now',
    );
    err('and upload it, and again once the old keys have left.');
    return 0;
  });
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
      err('No key can sign now: walletcreds keys generate makes one that does at once.');
    }
    await command.audit?.({ action: 'revoke', kid });
    return 0;
  });
}

/** What a revocation can't reach by itself. */
function afterRevocation(now: number): readonly string[] {
  const deny = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { DateLessThan: { 'aws:TokenIssueTime': iso(Math.ceil(now / 1000)) } },
  };
  return [
    'A running walletcreds stops signing with it and publishing it at once. What is left to do:',
    '1. Where the JWKS is a static tree: walletcreds keys jwks --out DIR, and upload it. Until caches of the old one have',
    '   run out (up to an hour), STS may still take tokens that were signed with the key.',
    "2. Sessions that were made with such tokens live on. End them by this statement in the role's policy, with the time",
    '   moved on to when the last cache has run out; workloads get new sessions by themselves:',
    `   ${JSON.stringify(deny)}`,
    '3. Other copies of the file (backups, Secrets, images) still hold the key.',
  ];
}

function stateOf(key: SigningKey, keys: readonly SigningKey[], now: number): string {
  const published = keySetOf('', keys).publicJwks(now).keys;
  if (!published.some(({ kid }) => kid === key.kid)) return 'retired';
  if (key.notBefore * 1000 > now) return 'next';
  if (published[0]?.kid === key.kid) return 'signing';
  return key.retireAt === undefined ? 'older' : 'retiring';
}

function iso(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

type Resolved = KeysCommand & { readonly purpose: KeyPurpose; readonly now: number };

/** Runs a verb; what it throws becomes lines and exit status 1. */
async function reporting(command: KeysCommand, verb: (resolved: Resolved) => Promise<number>): Promise<number> {
  try {
    return await verb({ ...command, purpose: command.purpose ?? 'oidc', now: command.now ?? Date.now() });
  } catch (error) {
    if (error instanceof WalletcredsError) {
      for (const line of error.message.split('\n')) command.err(line);
      return 1;
    }
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    command.err(`${path ?? command.keysDir}: ${code === 'EACCES' ? 'this process may not write there' : message}`);
    return 1;
  }
}

/**
 * The keys of a running process: read again as soon as the folder has changed, so that a rotation or a revocation holds
 * from the next signature on.
 *
 * What is wrong with a new file never takes the good keys away: a file that went bad keeps the key it held, a folder that
 * others can suddenly write yields nothing new. Only what is gone from the folder is gone here, at once, whatever else is
 * wrong: that is what a revocation is.
 *
 * @module
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { CredentialsUninitialized } from '../../lib/errors.ts';
import { fingerprint } from '../../lib/files/fingerprint.ts';
import type { Logger } from '../../lib/log.ts';
import type { KeyPurpose, SigningKey } from './file.ts';
import { isKeyName, type KeySet, keySetOf, noKeys, readKeyFolder, requireGood } from './set.ts';

export interface KeyStore {
  readonly dir: string;
  readonly purpose: KeyPurpose;
  /**
   * The folder's current keys. It takes a few `stat` calls, and a read where one of them differs.
   *
   * @throws CredentialsUninitialized when there is no key at all, naming the folder and the fix
   */
  current(): Promise<KeySet>;
  /**
   * The first reading, before anything is signed: one bad file refuses all, and nothing is logged.
   *
   * @throws UnusableKeys with every finding; also when there is no key at all
   */
  begin(): Promise<KeySet>;
  /** What was wrong at the last reading (one line a finding); undefined while all is well. For readiness and `doctor`. */
  readonly problem: string | undefined;
}

/** Below this age of the newest change a second one could share its timestamp, so the folder is read again. */
const TIMESTAMP_GRAIN_MS = 20;

/** @param options.log hears each new problem once, at error level */
export function createKeyStore(options: { dir: string; purpose: KeyPurpose; clock: Clock; log?: Logger }): KeyStore {
  const { dir, purpose, log } = options;
  let seen: string | undefined;
  let set: KeySet = keySetOf(dir, []);
  let problem: string | undefined;
  let reading: Promise<void> | undefined;

  async function read({ strictly = false } = {}): Promise<void> {
    const before = folderFingerprint(dir);
    const found = await readKeyFolder(dir, purpose);
    if (strictly) requireGood(dir, purpose, found);
    const { keys, problems, warnings, folderProblem } = found;
    const findings = folderProblem === undefined ? problems : [folderProblem];
    const kept = set.keys.filter(
      key => findings.some(({ file }) => file === key.file || file === dir) && !keys.some(({ kid }) => kid === key.kid),
    );
    set = keySetOf(dir, [...keys, ...kept.filter(key => exists(key))], warnings);
    const text = findings.map(({ file, message }) => `${file}: ${message}`).join('\n') || undefined;
    if (text !== undefined && text !== problem) {
      log?.error({ dir, purpose, problem: text }, 'a signing key can not be used; the good ones go on');
    } else if (text === undefined && problem !== undefined) {
      log?.info({ dir, purpose }, 'all signing keys are good again');
    }
    problem = text;
    // A change during the reading shows as a difference next time; so does one within the file system's grain of time.
    seen = before.settled ? before.text : undefined;
  }

  return {
    dir,
    purpose,
    get problem() {
      return problem;
    },
    async current() {
      // A caller that comes while the folder is read may know of a later change, so the folder is read again.
      if (reading !== undefined) await reading;
      if (seen === undefined || folderFingerprint(dir).text !== seen) {
        reading ??= read().finally(() => {
          reading = undefined;
        });
        await reading;
      }
      if (set.keys.length === 0) {
        throw new CredentialsUninitialized(problem ?? `${dir}: ${noKeys(purpose)}`);
      }
      return set;
    },
    async begin() {
      await read({ strictly: true });
      return set;
    },
  };
}

function exists(key: SigningKey): boolean {
  try {
    return statSync(key.file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // The folder can't be entered just now: that is a fault, not a revocation.
    return true;
  }
}

/** Folder and files by inode, size and times; `settled` when none changed so recently that the next change could look the same. */
function folderFingerprint(dir: string): { text: string; settled: boolean } {
  try {
    const names = readdirSync(dir).filter(isKeyName).sort();
    const stats = [dir, ...names.map(name => join(dir, name))].map(path =>
      statSync(path, { bigint: true, throwIfNoEntry: false }),
    );
    const newest = stats.reduce((latest, entry) => (entry && entry.ctimeMs > latest ? entry.ctimeMs : latest), 0n);
    return {
      text: stats
        .map((entry, i) => `${names[i - 1] ?? ''} ${entry === undefined ? 'gone' : fingerprint(entry)}`)
        .join('\n'),
      settled: Math.abs(Date.now() - Number(newest)) > TIMESTAMP_GRAIN_MS,
    };
  } catch (error) {
    return { text: (error as NodeJS.ErrnoException).code ?? 'unreadable', settled: true };
  }
}

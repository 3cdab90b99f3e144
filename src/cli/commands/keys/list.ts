/**
 * `walletcreds keys list`: which key signs, which is next, which retires when.
 *
 * @module
 */

import type { Command } from 'commander';
import { keySetOf, readKeyFolder } from '../../../identity-token/keys/set.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import type { Io, Run } from '../../io.ts';
import { jsonOption, withExamples } from '../../options.ts';
import { type KeysCommand, type KeysFlags, keysCommand, reporting, stateOf } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'aws.md', 'walletcreds keys list --json')
    .description('Lists the keys: which one signs, which is next, which retires when.')
    .addOption(jsonOption())
    .action(
      run(async ({ json = false, ...flags }: KeysFlags & { json?: boolean }) =>
        keysList({ ...(await keysCommand(flags, io)), json }),
      ),
    );
}

/** One key a line, or JSON; exit status 1 if a file is not a usable key. */
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
      const times = [
        row.not_before && `from ${isoSeconds(row.not_before * 1000)}`,
        row.retire_at && `until ${isoSeconds(row.retire_at * 1000)}`,
      ];
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

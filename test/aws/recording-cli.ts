/**
 * Runs a printed script with an `aws` that only writes down its arguments and answers as the test says.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/process.ts';

/** The answer of `aws s3api get-bucket-policy` for a bucket without a policy. */
export const NO_POLICY = 'echo "An error occurred (NoSuchBucketPolicy)" >&2; exit 254';

/** Runs a script by `/bin/sh`. @param answers the shell commands that answer, by the AWS CLI's verb */
export function runScript(
  script: string,
  answers: Record<string, string> = {},
): { status: number; calls: string[][]; stderr: string } {
  const { path: bin, remove } = temporaryFolder('setup');
  const log = join(bin, 'calls');
  const known = { 'get-caller-identity': 'echo 123456789012', ...answers };
  const cases = Object.entries(known).map(([verb, answer]) => `*" ${verb} "*) ${answer} ;;`);
  writeFileSync(
    join(bin, 'aws'),
    `#!/bin/sh\nfor a in "$@"; do printf '%s\\0' "$a"; done >>${log}; printf '\\1' >>${log}\ncase " $* " in ${cases.join(' ')} esac\n`,
    { mode: 0o755 },
  );
  let status = 0;
  let stderr = '';
  try {
    execFileSync('/bin/sh', ['-s'], { input: script, env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: 'pipe' });
  } catch (error) {
    status = (error as { status: number }).status;
    stderr = String((error as { stderr: Buffer }).stderr);
  }
  const calls = readFileSync(log, 'utf8')
    .split('\u0001')
    .filter(c => c !== '')
    .map(c => c.split('\0').slice(0, -1));
  remove();
  return { status, calls, stderr };
}

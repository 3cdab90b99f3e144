/**
 * Tools that only these tests run, whatever their licence: installed from the registry into a folder under the system's
 * temporary one, kept there for the next run, never a dependency of the project.
 *
 * @module
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Exact versions, so that a run today and one in a year ask the same tool. */
const TOOLS = {
  '@aws-cdk/aws-service-spec': '0.1.216',
  '@cloud-copilot/iam-simulate': '0.1.173',
  '@cdktf/hcl2json': '0.21.0',
  'cfn-lint': '1.9.7',
} as const;

/**
 * `require` from the folder of tools, or why it can't be had (no registry). The answer is the same for all callers of a run.
 */
export async function tools(): Promise<{ require: NodeJS.Require; folder: string } | { missing: string }> {
  const stamp = Object.entries(TOOLS)
    .map(([name, version]) => `${name.replace(/\W+/g, '-')}-${version}`)
    .join('_');
  const folder = join(tmpdir(), `walletcreds-test-tools-${userInfo().uid}`, stamp);
  if (!existsSync(folder)) {
    const parent = join(folder, '..');
    await mkdir(parent, { recursive: true, mode: 0o700 });
    const fresh = await mkdtemp(join(parent, 'new-'));
    try {
      await writeFile(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: TOOLS }));
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], {
        cwd: fresh,
        timeout: 55_000,
      });
      // Another worker may have been faster: then its folder stays.
      await rename(fresh, folder).catch(() => undefined);
    } catch (error) {
      return {
        missing: `the registry can't be reached: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
      };
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }
  return { require: createRequire(join(folder, 'package.json')), folder };
}

/**
 * The same for a test that can't do without them.
 *
 * @param skip the test's own, which ends it; the reason is printed
 */
export async function needed(what: string, skip: (reason: string) => never): Promise<NodeJS.Require> {
  const found = await tools();
  if (!('missing' in found)) return found.require;
  console.warn(`SKIPPED: ${what}: ${found.missing}`);
  return skip(found.missing);
}

/** Runs a program that may not be there; undefined then. */
export function program(
  file: string,
  args: readonly string[],
  input?: string,
): { status: number; output: string } | undefined {
  try {
    const output = execFileSync(file, args, { input: input ?? '', encoding: 'utf8', stdio: 'pipe', timeout: 60_000 });
    return { status: 0, output };
  } catch (error) {
    const failed = error as { code?: string; status?: number; stdout?: string; stderr?: string };
    if (failed.code === 'ENOENT') return undefined;
    return { status: failed.status ?? -1, output: `${failed.stdout ?? ''}${failed.stderr ?? ''}` };
  }
}

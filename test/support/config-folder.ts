/**
 * A folder of its own for a configuration and the files around it.
 *
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface ConfigFolder {
  readonly dir: string;
  /** Writes a file, folders included. @returns its absolute path */
  write(name: string, content: string | Uint8Array, mode?: number): string;
}

/** Removed when the test ends. */
export function configFolder(): ConfigFolder {
  const dir = mkdtempSync(join(tmpdir(), 'walletcreds-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    write(name, content, mode = 0o600) {
      const file = join(dir, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      chmodSync(file, mode);
      return file;
    },
  };
}

import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecret, readSecretFile, SecretFileError } from '../../src/config/secrets/secret-file.ts';
import { onReadOnlyMount } from '../../src/lib/files/mounts.ts';
import { configFolder } from '../support/config-folder.ts';

describe('a secret file', () => {
  it.each([0o600, 0o400, 0o640, 0o440])('is taken with mode %o', mode => {
    const { write } = configFolder();
    expect(openSecret(write('s', 'secret', mode), 'the key')).toEqual({ text: 'secret', mode, warnings: [] });
  });

  it.each([
    [0o644, 'the world can read it (mode 0644); chmod 0640'],
    [0o604, 'the world can read it (mode 0604); chmod 0600'],
    [0o660, 'others can write it (mode 0660); chmod 0640'],
    [0o602, 'others can write it (mode 0602); chmod 0600'],
    [0o666, 'others can write it (mode 0666); chmod 0640'],
  ])('is refused with mode %o, path and fix in the message', (mode, message) => {
    const { write } = configFolder();
    const file = write('s', 'secret', mode);
    expect(() => openSecret(file, 'the key')).toThrow(
      new SecretFileError('ownership', `the key ${file}: ${message} ${file}`),
    );
  });

  it('that the world can read is a warning on a read-only mount, and on no other', () => {
    const { dir, write } = configFolder();
    const file = write('mount/s', 'secret', 0o644);
    const point = join(realpathSync(dir), 'mount');
    const line = (options: string, at = point) => `36 35 98:0 / ${at} ${options} shared:1 - tmpfs tmpfs rw\n`;
    const root = line('rw,relatime', '/');
    const readOnly = write('ro', root + line('ro,nosuid'));
    expect(openSecret(file, 'the key', { mountinfo: readOnly }).warnings).toEqual([
      `the key ${file}: the world can read it (mode 0644)`,
    ]);
    for (const mounts of [
      root,
      root + line('rw'),
      root + line('ro') + line('rw'),
      line('ro', `${point}x`),
      'garbage',
      '',
    ]) {
      expect(() => openSecret(file, 'the key', { mountinfo: write('mounts', mounts) })).toThrow(
        /the world can read it/,
      );
    }
    expect(onReadOnlyMount(file, join(dir, 'none'))).toBe(false);
    const writable = write('mount/w', 'secret', 0o666);
    expect(() => openSecret(writable, 'the key', { mountinfo: readOnly })).toThrow(/others can write it/);
  });

  it('is checked by the mount that a link leads to, with spaces in its name', () => {
    const { dir, write } = configFolder();
    write('a b/s', 'x', 0o644);
    symlinkSync('a b/s', join(dir, 'link'));
    const point = join(realpathSync(dir), 'a b').replaceAll(' ', '\\040');
    const mounts = write('mounts', `1 0 0:1 / / rw - ext4 d rw\n2 1 0:2 / ${point} ro - tmpfs t rw\n`);
    expect(onReadOnlyMount(join(dir, 'link'), mounts)).toBe(true);
  });

  it('that is none is said, without waiting: missing, a folder, a FIFO, too large, not text, empty', () => {
    const { dir, write } = configFolder();
    mkdirSync(join(dir, 'd'));
    expect(spawnSync('mkfifo', ['-m', '600', join(dir, 'fifo')]).status).toBe(0);
    const reason = (file: string, limit?: number) => {
      try {
        openSecret(file, 'the key', limit === undefined ? {} : { limit });
      } catch (error) {
        expect((error as Error).message).toContain(`the key ${file}: `);
        return (error as SecretFileError).reason;
      }
      return undefined;
    };
    expect(reason(join(dir, 'no'))).toBe('missing');
    expect(reason(join(dir, 'd'))).toBe('kind');
    expect(reason(join(dir, 'fifo'))).toBe('kind');
    expect(reason(write('big', 'x'.repeat(11)), 10)).toBe('size');
    expect(reason(write('fits', 'x'.repeat(10)), 10)).toBeUndefined();
    expect(reason(write('bin', new Uint8Array([0xc3, 0x28])))).toBe('encoding');
    expect(reason(write('empty', ''))).toBe('content');
    expect(reason(write('bom', '\uFEFFx'))).toBe('content');
  });

  it('keeps its newline where content counts to the last byte, and loses one where people write it', () => {
    const { write } = configFolder();
    const file = write('s', 'secret\n\n');
    expect(openSecret(file, 'x').text).toBe('secret\n\n');
    expect(readSecretFile(file, 'x').text).toBe('secret\n');
    expect(readSecretFile(write('crlf', 'secret\r\n'), 'x').text).toBe('secret');
    expect(() => readSecretFile(write('n', '\n'), 'x')).toThrow(/: empty/);
  });
});

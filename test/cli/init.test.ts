import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { init } from '../../src/cli/commands/init.ts';
import { loadConfig } from '../../src/config/load.ts';
import { TEMPLATE } from '../../src/config/template.ts';
import { loadKeys } from '../../src/identity-token/keys/index.ts';
import { ConfigError, UsageError } from '../../src/lib/errors.ts';
import { configFolder } from '../support/config-folder.ts';

const run = async (dir: string) => {
  const lines: string[] = [];
  await init({ dir, log: line => lines.push(line), env: {} });
  return lines;
};

describe('init', () => {
  it('writes a configuration, a key and a token that start as they stand, and says what comes next', async () => {
    const dir = join(configFolder().dir, 'new');
    const lines = await run(dir);
    const [comment, ...template] = readFileSync(join(dir, 'walletcreds.yaml'), 'utf8').split('\n');
    expect(comment).toMatch(/^# yaml-language-server: \$schema=https:\/\/.*\/schema\/walletcreds\.schema\.json$/);
    expect(template.join('\n')).toBe(TEMPLATE);
    expect(readFileSync(join(dir, 'tokens/scraper-a'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    expect((await loadKeys(join(dir, 'keys'), 'oidc')).keys).toHaveLength(1);
    const [key = ''] = readdirSync(join(dir, 'keys'));
    expect(statSync(join(dir, 'keys', key)).mode & 0o077).toBe(0);
    expect(lines.filter(line => line.startsWith('wrote'))).toHaveLength(3);
    expect(lines.join('\n')).toContain('walletcreds serve --config');
    expect(lines.join('\n')).not.toContain(readFileSync(join(dir, 'tokens/scraper-a'), 'utf8'));
    expect((await loadConfig(join(dir, 'walletcreds.yaml'), { env: {} })).warnings).toEqual([]);
  });

  it('overwrites nothing and says what was there', async () => {
    const { dir } = configFolder();
    await run(dir);
    const files = () =>
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name))
        .map(file => [file, readFileSync(file, 'utf8')]);
    const before = files();
    const lines = await run(dir);
    expect(files()).toEqual(before);
    expect(lines.filter(line => line.startsWith('exists'))).toHaveLength(3);
    expect(lines.some(line => line.startsWith('wrote'))).toBe(false);
  });

  it('makes what is missing for a configuration that is there', async () => {
    const { dir, write } = configFolder();
    const text = TEMPLATE.replaceAll('scraper-a', 'mine').replace('keys_dir: keys', 'keys_dir: k');
    write('walletcreds.yaml', text);
    await run(dir);
    expect(readFileSync(join(dir, 'walletcreds.yaml'), 'utf8')).toBe(text);
    expect(existsSync(join(dir, 'tokens/mine'))).toBe(true);
    expect(readdirSync(join(dir, 'k'))).toHaveLength(1);
  });

  it('in a repository keeps keys and tokens out of it, and leaves a .gitignore that is there', async () => {
    const { dir } = configFolder();
    mkdirSync(join(dir, '.git'));
    await run(join(dir, 'in'));
    expect(readFileSync(join(dir, 'in/.gitignore'), 'utf8')).toBe('/keys\n/tokens\n/audit.sqlite*\n');
    mkdirSync(join(dir, 'beside'));
    writeFileSync(
      join(dir, 'beside/walletcreds.yaml'),
      TEMPLATE.replace('token_file: tokens/scraper-a', 'token_file: scraper'),
    );
    await run(join(dir, 'beside'));
    expect(readFileSync(join(dir, 'beside/.gitignore'), 'utf8')).toBe('/keys\n/scraper\n/audit.sqlite*\n');
    writeFileSync(join(dir, '.gitignore'), 'mine\n');
    expect(await run(dir)).toContain('Keep out of git: keys, tokens');
    expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe('mine\n');
  });

  it('says what is wrong with a configuration that is there, or with the place', async () => {
    const { dir, write } = configFolder();
    write('walletcreds.yaml', 'regoin: x');
    await expect(run(dir)).rejects.toBeInstanceOf(ConfigError);
    await expect(run(write('file', ''))).rejects.toBeInstanceOf(UsageError);
  });
});

/**
 * The token files that a configuration names or generates.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { generateToken } from '../../src/config/secrets/generate.ts';
import { configFolder } from '../support/config-folder.ts';
import { BASE, load, OTHER, refusal, WALLET } from './support.ts';

const TOKEN = '0123456789abcdefghijklmnopqrstuvwxyz';

describe('tokens', () => {
  it('are made where there is none: 64 hexadecimal digits, 0600, no newline, and stay as they are', async () => {
    const folder = configFolder();
    const object = { workloads: { a: { wallet: WALLET, token_file: 'tokens/a' } }, state_dir: 'state' };
    const first = await load(folder, object);
    const file = join(folder.dir, 'state/tokens/a');
    expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder.dir, 'state/tokens'))).toEqual(['a']);
    expect(first.workloads.get('a')?.token).toEqual({ value: readFileSync(file, 'utf8'), file });
    expect((await load(folder, object)).workloads.get('a')?.token).toEqual(first.workloads.get('a')?.token);
  });

  it('that another process has made meanwhile are not replaced', () => {
    const { dir, write } = configFolder();
    const file = write('t', TOKEN);
    generateToken(file);
    expect(readFileSync(file, 'utf8')).toBe(TOKEN);
    expect(readdirSync(dir)).toEqual(['t']);
  });

  it('get the mode that is asked for', async () => {
    const folder = configFolder();
    await load(folder, { workloads: { a: { wallet: WALLET, token_file: 't', token_mode: '0640' } } });
    expect(statSync(join(folder.dir, 't')).mode & 0o777).toBe(0o640);
  });

  it('beside the configuration are taken before those under state_dir', async () => {
    const folder = configFolder();
    folder.write('t', TOKEN);
    folder.write('state/t', `x${TOKEN}`);
    const config = await load(folder, { state_dir: 'state', workloads: { a: { wallet: WALLET, token_file: 't' } } });
    expect(config.workloads.get('a')?.token?.value).toBe(TOKEN);
  });

  it.each([
    ['', 'the token file t: empty'],
    [`${TOKEN}\n`, 'the token file t ends in a newline, which clients send along; printf %s "$(cat t)" > t'],
    [`\uFEFF${TOKEN}`, 'the token file t: begins with a byte order mark; save it as UTF-8 without one'],
    ['short', 'the token file t has 5 characters, at least 32 are needed; remove the file and a good one is generated'],
    [
      'a'.repeat(64),
      'the token file t repeats itself, so it can be guessed; remove the file and a good one is generated',
    ],
    [
      '0123456789'.repeat(7),
      'the token file t repeats itself, so it can be guessed; remove the file and a good one is generated',
    ],
    [
      `${TOKEN} ${TOKEN}`,
      'the token file t has spaces or characters that are not visible ASCII; remove the file and a good one is generated',
    ],
    [
      `${TOKEN}é`,
      'the token file t has spaces or characters that are not visible ASCII; remove the file and a good one is generated',
    ],
  ])('of unfit content are refused: %j', async (content, message) => {
    const folder = configFolder();
    folder.write('t', content);
    const found = await refusal(folder, { workloads: { a: { wallet: WALLET, token_file: 't' } } });
    expect(found).toBe(`configuration workloads.a.token_file: ${message}`);
    if (content.length > 8) expect(found).not.toContain(content.slice(0, 8));
  });

  it('that vanished since they were read are missed, but where they have moved to state_dir', async () => {
    const folder = configFolder();
    folder.write('t', TOKEN);
    const object = { state_dir: 'state', workloads: { a: { wallet: WALLET, token_file: 't' } } };
    const running = (await load(folder, object)).sources;
    rmSync(join(folder.dir, 't'));
    const again = () => configFromObject({ ...BASE, ...object }, { env: {}, baseDir: folder.dir, running });
    await expect(again()).rejects.toThrow(/workloads\.a\.token_file: the token file .*t is gone/);
    expect(existsSync(join(folder.dir, 'state/t'))).toBe(false);
    folder.write('state/t', TOKEN);
    expect((await again()).workloads.get('a')?.token?.value).toBe(TOKEN);
  });

  it('that stand for two things are refused, naming both', async () => {
    const folder = configFolder();
    folder.write('t', TOKEN);
    folder.write('u', `${TOKEN}\n`);
    const both = 'each place and each workload needs one of its own';
    expect(await refusal(folder, { workloads: { a: { wallet: WALLET, token_file: 't', bearer_file: 'u' } } })).toBe(
      `configuration workloads.a.bearer_file: the same value as workloads.a.token_file; ${both}`,
    );
    expect(
      await refusal(
        folder,
        { workloads: { a: { wallet: WALLET, token_file: 't' }, b: { wallet: OTHER, token_env: 'T' } } },
        { T: TOKEN },
      ),
    ).toBe(`configuration workloads.b.token_env: the same value as workloads.a.token_file; ${both}`);
    expect(
      await refusal(folder, { admin: { token_file: 't' }, workloads: { a: { wallet: WALLET, token_file: 't' } } }),
    ).toBe(`configuration workloads.a.token_file: the same value as admin.token_file; ${both}`);
  });

  it('for commands that only look are neither made nor required', async () => {
    const folder = configFolder();
    const object = {
      ...BASE,
      workloads: { a: { wallet: WALLET, token_file: 't' }, b: { wallet: OTHER, token_env: 'T' } },
    };
    const config = await configFromObject(object, { env: {}, baseDir: folder.dir, purpose: 'inspect' });
    expect(config.warnings).toHaveLength(2);
    expect(config.workloads.get('a')?.token).toBeUndefined();
    expect(readdirSync(folder.dir)).toEqual([]);
  });

  it('that can not be made say what to change', async () => {
    const folder = configFolder();
    folder.write('file', 'x');
    const found = await refusal(folder, { workloads: { a: { wallet: WALLET, token_file: 'file/t' } } });
    expect(found).toMatch(/^configuration workloads\.a\.token_file: .*file\/t can't be generated: /);
  });

  it('in the path of /v2/ are made too, and must fit into a path', async () => {
    const folder = configFolder();
    const workloads = { a: { wallet: WALLET, relative_uri: { id_file: 'id', from: '169.254.170.0/24' } } };
    const config = await load(folder, { workloads });
    expect(config.workloads.get('a')?.relativeUri).toEqual({
      id: readFileSync(join(folder.dir, 'id'), 'utf8'),
      idFile: join(folder.dir, 'id'),
      from: ['169.254.170.0/24'],
    });
    folder.write('id', `${TOKEN}/..`);
    expect(await refusal(folder, { workloads })).toContain("has characters that don't fit into a path");
  });
});

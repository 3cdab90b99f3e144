import { chmodSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createKeyStore } from '../../../src/identity-token/keys/store.ts';
import { setRetireAt } from '../../../src/identity-token/keys/write.ts';
import { createLogger } from '../../../src/lib/create-logger.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { keysFolder, NOW, pem, writeKey } from '../support.ts';

function storeOf(dir: string) {
  const lines: string[] = [];
  const log = createLogger({ destination: { write: line => void lines.push(line) } });
  const store = createKeyStore({ dir, purpose: 'oidc', clock: fakeClock(), log });
  const kids = async () => (await store.current()).keys.map(({ kid }) => kid).sort();
  return { store, lines, kids };
}

describe('the keys of a running process', () => {
  it('follow the folder: a new key is there at the next call, a revoked one is gone at the next call', async () => {
    const dir = keysFolder();
    const first = writeKey(dir, 'a.json');
    const { kids } = storeOf(dir);
    expect(await kids()).toEqual(['a.json']);
    writeKey(dir, 'b.json');
    expect(await kids()).toEqual(['a.json', 'b.json']);
    rmSync(first);
    expect(await kids()).toEqual(['b.json']);
  });

  it('follow a change inside a file', async () => {
    const dir = keysFolder();
    const file = writeKey(dir, 'a.json');
    writeKey(dir, 'b.json', { not_before: 1 });
    const { store } = storeOf(dir);
    expect((await store.current()).activeKey(NOW).kid).toBe('b.json');
    await setRetireAt(join(dir, 'b.json'), 5);
    expect((await store.current()).activeKey(NOW).kid).toBe('a.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('follow changes that come faster than the ticks of the file system', async () => {
    const dir = keysFolder();
    const { kids } = storeOf(dir);
    for (let i = 100; i < 160; i++) {
      writeKey(dir, 'a.json', { kid: `k${i}` });
      expect(await kids()).toEqual([`k${i}`]);
    }
  });

  it('are read once while nothing changes', async () => {
    const dir = keysFolder();
    const file = writeKey(dir, 'a.json');
    const { store } = storeOf(dir);
    // Changes as fresh as these could hide a second one in the same tick of the file system, so age them.
    for (;;) {
      await store.current();
      const set = await store.current();
      if ((await store.current()) === set && Date.now() - statSync(file).ctimeMs > 50) break;
    }
    const set = await store.current();
    expect(await store.current()).toBe(set);
    utimesSync(file, 1, 1);
    expect(await store.current()).not.toBe(set);
  });

  it('go on when a new file is bad, which is said once and in `problem` until it is fixed', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json');
    const { store, lines, kids } = storeOf(dir);
    await kids();
    expect(store.problem).toBeUndefined();
    const bad = writeKey(dir, 'b.json', { private_key_pem: 'half wri' });
    expect(await kids()).toEqual(['a.json']);
    expect(await kids()).toEqual(['a.json']);
    expect(store.problem).toContain(`${bad}: private_key_pem`);
    expect(lines.filter(line => line.includes('"level":"error"'))).toHaveLength(1);
    expect(lines.join()).not.toContain('half wri');
    rmSync(bad);
    expect(await kids()).toEqual(['a.json']);
    expect(store.problem).toBeUndefined();
  });

  it('outlive damage to their own files, but not their removal', async () => {
    const dir = keysFolder();
    const file = writeKey(dir, 'a.json');
    const { store, kids } = storeOf(dir);
    await kids();
    writeFileSync(file, '');
    expect(await kids()).toEqual(['a.json']);
    expect(store.problem).toContain('the file is empty');
    rmSync(file);
    await expect(store.current()).rejects.toMatchObject({ code: 'CredentialsUninitialized', transient: true });
  });

  it('take nothing new from a folder that others can write, and still drop what is gone', async () => {
    const dir = keysFolder();
    const file = writeKey(dir, 'a.json');
    writeKey(dir, 'b.json');
    const { store, kids } = storeOf(dir);
    await kids();
    chmodSync(dir, 0o777);
    writeKey(dir, 'planted.json', { not_before: 9 });
    expect(await kids()).toEqual(['a.json', 'b.json']);
    expect(store.problem).toContain('lets others put files there');
    rmSync(file);
    expect(await kids()).toEqual(['b.json']);
  });

  it('keep the first of two files with one kid, and go where the folder goes', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json', { kid: 'same' });
    const { store, kids } = storeOf(dir);
    await kids();
    writeKey(dir, 'b.json', { kid: 'same', private_key_pem: pem('rsa') });
    expect((await store.current()).activeKey(NOW).alg).toBe('ES256');
    expect(store.problem).toContain('the same kid');
    renameSync(dir, `${dir}-away`);
    await expect(store.current()).rejects.toThrow('there is no such folder');
    renameSync(`${dir}-away`, dir);
    expect(await kids()).toEqual(['same']);
  });

  it('answer everybody who asks at once from one state of the folder', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json');
    const { store } = storeOf(dir);
    const sets = await Promise.all(Array.from({ length: 20 }, () => store.current()));
    expect(sets.every(set => set.keys.length === 1)).toBe(true);
  });
});

import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { type KeysCommand, keysCommand } from '../../src/cli/commands/keys/context.ts';
import { keysGenerate } from '../../src/cli/commands/keys/generate.ts';
import { keysJwks } from '../../src/cli/commands/keys/jwks.ts';
import { keysList } from '../../src/cli/commands/keys/list.ts';
import { keysRevoke } from '../../src/cli/commands/keys/revoke.ts';
import { keysRotate } from '../../src/cli/commands/keys/rotate.ts';
import { createKeyStore } from '../../src/identity-token/keys/store.ts';
import { createIdentityTokenSource } from '../../src/identity-token/source.ts';
import { keysFolder, NOW, temporaryFolder, writeKey } from '../identity-token/support.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { bin, cleanEnv, run } from '../support/process.ts';
import { SIGNER, workload } from '../support/workload.ts';

const HOUR = 3_600_000;

/** Runs commands on one folder and keeps what they print. */
function terminal(keysDir: string) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const at = (now = NOW): KeysCommand => ({
    keysDir,
    now,
    out: line => void stdout.push(line),
    err: line => void stderr.push(line),
  });
  const list = async (now = NOW) => {
    const from = stdout.length;
    const status = await keysList({ ...at(now), json: true });
    const rows = JSON.parse(stdout.slice(from).join('\n')) as {
      kid: string;
      state: string;
      alg: string;
      certificate: boolean;
    }[];
    return { status, rows, states: Object.fromEntries(rows.map(({ kid, state }) => [kid, state])) };
  };
  return { at, stdout, stderr, list, printed: () => [...stdout, ...stderr].join('\n') };
}

describe('keys generate', () => {
  it('makes a folder and an ES256 key, prints its kid and file, and never the key', async () => {
    const dir = join(temporaryFolder(), 'keys');
    const { at, stdout, list, printed } = terminal(dir);
    expect(await keysGenerate(at())).toBe(0);
    const [kid, alg, file] = stdout[0]?.split('  ') ?? [];
    expect(alg).toBe('ES256');
    expect(statSync(file ?? '').mode & 0o777).toBe(0o600);
    const { private_key_pem } = JSON.parse(readFileSync(file ?? '', 'utf8'));
    expect(printed()).not.toContain('PRIVATE');
    expect(printed()).not.toContain(private_key_pem.split('\n')[1]);
    expect((await list()).rows).toMatchObject([{ kid, alg: 'ES256', state: 'signing', certificate: false }]);
  });

  it('makes RS256 keys and certificates on request', async () => {
    const { at, list } = terminal(keysFolder());
    expect(await keysGenerate({ ...at(), alg: 'RS256', certificate: true })).toBe(0);
    expect((await list()).rows).toMatchObject([{ alg: 'RS256', certificate: true }]);
  });

  it('beside another key signs at once, and says what that means', async () => {
    const { at, list, stderr } = terminal(keysFolder());
    await keysGenerate(at());
    await keysGenerate({ ...at(), alg: 'RS256' });
    expect(stderr.join()).toContain('walletcreds keys rotate');
    expect((await list()).rows.map(({ alg, state }) => `${alg} ${state}`)).toEqual(['RS256 signing', 'ES256 older']);
  });

  it('puts no key into a folder that others can write', async () => {
    const dir = keysFolder();
    chmodSync(dir, 0o777);
    const { at, stderr, stdout } = terminal(dir);
    expect(await keysGenerate(at())).toBe(1);
    expect(stderr.join()).toContain('chmod go-w');
    expect(stdout).toEqual([]);
    chmodSync(dir, 0o700);
    expect((await terminal(dir).list()).rows).toEqual([]);
  });

  it('fails with one line where the folder can not be made', async () => {
    const file = writeKey(keysFolder(), 'k.json');
    const { at, stderr } = terminal(join(file, 'keys'));
    expect(await keysGenerate(at())).toBe(1);
    expect(stderr).toHaveLength(1);
    expect(stderr[0]).toContain(file);
  });
});

describe('keys list', () => {
  it('shows the good keys, names each bad file, and exits 1 for them', async () => {
    const dir = keysFolder();
    writeKey(dir, 'good.json');
    const bad = writeKey(dir, 'bad.json', { purpose: 'dev' });
    const { at, stdout, stderr } = terminal(dir);
    expect(await keysList(at())).toBe(1);
    expect(stdout).toEqual([expect.stringMatching(/^good\.json {2}ES256 {2}signing /)]);
    expect(stderr).toEqual([expect.stringContaining(`${bad}: purpose is "dev"`)]);
  });

  it('says what to do where there is no key', async () => {
    const { at, stderr } = terminal(keysFolder());
    expect(await keysList(at())).toBe(0);
    expect(stderr.join()).toContain('walletcreds keys generate');
  });
});

describe('keys jwks', () => {
  it('prints the JWKS, public parts only', async () => {
    const { at, stdout } = terminal(keysFolder());
    await keysGenerate({ ...at(), certificate: true });
    const from = stdout.length;
    expect(await keysJwks(at())).toBe(0);
    const jwks = JSON.parse(stdout.slice(from).join('\n'));
    expect(jwks).toEqual({
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: expect.any(String),
          y: expect.any(String),
          kid: expect.any(String),
          alg: 'ES256',
          use: 'sig',
          x5c: [expect.stringMatching(/^MI/)],
        },
      ],
    });
  });

  it('writes the tree for a bucket, against which a token verifies', async () => {
    const dir = keysFolder();
    const outDir = join(temporaryFolder(), 'site');
    const { at, stdout } = terminal(dir);
    await keysGenerate({ ...at(), alg: 'RS256' });
    expect(await keysJwks({ ...at(), outDir, issuer: SIGNER.issuer })).toBe(0);
    const discovery = JSON.parse(readFileSync(join(outDir, '.well-known/openid-configuration'), 'utf8'));
    expect(discovery).toMatchObject({
      issuer: SIGNER.issuer,
      jwks_uri: `${SIGNER.issuer}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ['RS256'],
    });
    const file = join(outDir, '.well-known/jwks.json');
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(stdout.join()).toContain(`${SIGNER.issuer}/.well-known/jwks.json`);
    const { jwt } = await createIdentityTokenSource({ clock: fakeClock() }).get(
      workload({ identityToken: { ...SIGNER, keysDir: dir } }),
    );
    const keys = createLocalJWKSet(JSON.parse(readFileSync(file, 'utf8')) as JSONWebKeySet);
    await expect(jwtVerify(jwt, keys, { currentDate: new Date(NOW) })).resolves.toBeDefined();
  });

  it('is wrong without an issuer to write down, and fails without a good key', async () => {
    const { at, stderr } = terminal(keysFolder());
    expect(await keysJwks(at())).toBe(1);
    await keysGenerate(at());
    expect(await keysJwks({ ...at(), outDir: temporaryFolder() })).toBe(2);
    expect(stderr.at(-1)).toContain('identity_token.signer.issuer');
  });
});

describe('keys rotate', () => {
  it('publishes the next key an hour before it signs, and the old one until its last token and caches are gone', async () => {
    const dir = keysFolder();
    const { at, stdout, list } = terminal(dir);
    writeKey(dir, 'old.json');
    const store = createKeyStore({ dir, purpose: 'oidc', clock: fakeClock() });
    const published = async (now: number) => (await store.current()).publicJwks(now).keys.map(({ kid }) => kid);
    await store.current();
    expect(await keysRotate(at())).toBe(0);
    const next = stdout[0]?.split('  ')[0] ?? '';
    expect((await list()).states).toEqual({ 'old.json': 'signing', [next]: 'next' });
    expect(await published(NOW)).toEqual(['old.json', next]);
    expect(await published(NOW + HOUR - 1)).toEqual(['old.json', next]);
    expect(await published(NOW + HOUR)).toEqual([next, 'old.json']);
    expect((await list(NOW + HOUR)).states).toEqual({ 'old.json': 'retiring', [next]: 'signing' });
    expect(await published(NOW + 3 * HOUR - 1)).toEqual([next, 'old.json']);
    expect(await published(NOW + 3 * HOUR)).toEqual([next]);
    expect((await list(NOW + 3 * HOUR)).states).toEqual({ 'old.json': 'retired', [next]: 'signing' });
  });

  it('makes the next key like the one that signs, keeps what else is in the old file, and a retirement that is nearer', async () => {
    const dir = keysFolder();
    const { at, list } = terminal(dir);
    await keysGenerate({ ...at(), alg: 'RS256', certificate: true });
    const old = writeKey(dir, 'older.json', { comment: 'kept' });
    chmodSync(old, 0o640);
    const far = writeKey(dir, 'far.json', { retire_at: 4e9 });
    const soon = writeKey(dir, 'soon.json', { retire_at: NOW / 1000 + 9 });
    expect(await keysRotate({ ...at(), publishForSeconds: 60 })).toBe(0);
    const { rows } = await list(NOW + 60_000);
    expect(rows[0]).toMatchObject({ state: 'signing' });
    expect(JSON.parse(readFileSync(old, 'utf8'))).toMatchObject({ comment: 'kept', retire_at: NOW / 1000 + 60 + 7200 });
    expect(statSync(old).mode & 0o777).toBe(0o640);
    const retireAt = (file: string) => JSON.parse(readFileSync(file, 'utf8')).retire_at;
    expect([retireAt(far), retireAt(soon)]).toEqual([NOW / 1000 + 60 + 7200, NOW / 1000 + 9]);
  });

  it('is refused while a next key is waiting, and where there is none to rotate', async () => {
    const dir = keysFolder();
    const { at, stderr, list } = terminal(dir);
    expect(await keysRotate(at())).toBe(1);
    await keysGenerate(at());
    expect(await keysRotate(at())).toBe(0);
    expect(await keysRotate(at())).toBe(1);
    expect(stderr.at(-1)).toContain('a next key is published already and signs from 2026-01-01T01:00:00');
    expect((await list()).rows).toHaveLength(2);
    expect(await keysRotate(at(NOW + HOUR))).toBe(0);
  });
});

describe('keys revoke', () => {
  it('drops the key from a running signer at once, says what is left to do, and has it audited', async () => {
    const dir = keysFolder();
    const { at, stdout } = terminal(dir);
    writeKey(dir, 'bad.json', { not_before: 5 });
    writeKey(dir, 'spare.json');
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const w = workload({ identityToken: { ...SIGNER, keysDir: dir } });
    expect((await source.get(w)).keyId).toBe('bad.json');
    const audited: unknown[] = [];
    const audit = async (event: unknown) => void audited.push(event);
    expect(await keysRevoke({ ...at(), kid: 'bad.json', audit })).toBe(0);
    expect((await source.get(w)).keyId).toBe('spare.json');
    expect(audited).toEqual([{ action: 'revoke', kid: 'bad.json' }]);
    const deny = stdout.join('\n').match(/\{.*\}/)?.[0] ?? '';
    expect(JSON.parse(deny)).toEqual({
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { DateLessThan: { 'aws:TokenIssueTime': '2026-01-01T00:00:00Z' } },
    });
  });

  it('says so when nothing can sign any more', async () => {
    const dir = keysFolder();
    const { at, stderr } = terminal(dir);
    writeKey(dir, 'only.json');
    expect(await keysRevoke({ ...at(), kid: 'only.json' })).toBe(0);
    expect(stderr.join()).toContain('No key can sign now');
    const source = createIdentityTokenSource({ clock: fakeClock() });
    await expect(source.get(workload({ identityToken: { ...SIGNER, keysDir: dir } }))).rejects.toThrow('keys generate');
  });

  it('says when signing ends if it takes the successor of a key that retires, and not if it takes the old one', async () => {
    const dir = keysFolder();
    const { at, stderr, list } = terminal(dir);
    writeKey(dir, 'old.json');
    expect(await keysRotate(at())).toBe(0);
    const before = stderr.length;
    const next = (await list()).rows.find(({ state }) => state === 'next')?.kid ?? '';
    expect(await keysRevoke({ ...at(), kid: next })).toBe(0);
    expect(stderr.slice(before).join(' ')).toMatch(/From 2026-01-01T03:00:00Z on no key can sign.*keys rotate now/);
    expect(await keysRotate(at())).toBe(0);
    const said = stderr.length;
    expect(await keysRevoke({ ...at(NOW + 2 * HOUR), kid: 'old.json' })).toBe(0);
    expect(stderr.slice(said)).toEqual([]);
  });

  it('reaches a key whose file is bad, and every file that has the kid', async () => {
    const dir = keysFolder();
    const { at, list } = terminal(dir);
    writeKey(dir, 'a.json', { kid: 'x', purpose: 'dev' });
    chmodSync(writeKey(dir, 'b.json', { kid: 'x' }), 0o666);
    writeKey(dir, 'c.json', { kid: 'y' });
    expect(await keysRevoke({ ...at(), kid: 'x' })).toBe(0);
    expect(await list()).toMatchObject({ status: 0, states: { y: 'signing' } });
  });

  it('of a kid that no key has changes nothing and exits 1', async () => {
    const dir = keysFolder();
    const { at, stderr, list } = terminal(dir);
    writeKey(dir, 'a.json');
    expect(await keysRevoke({ ...at(), kid: '../a.json' })).toBe(1);
    expect(stderr.join()).toContain('walletcreds keys list');
    expect((await list()).rows).toHaveLength(1);
    expect(await keysRevoke({ ...terminal(join(dir, 'none')).at(), kid: 'a.json' })).toBe(1);
  });

  it('takes a kid that begins with a dash, as a key from elsewhere may have one, and no option that it doesn’t know', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json', { kid: '-abc' });
    const revoke = (kid: string) =>
      run(process.execPath, ['--', bin, 'keys', 'revoke', kid, '--dir', dir, '--config', '/nonexistent'], {
        env: cleanEnv(dir),
      });
    expect(await revoke('--abc')).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown option --abc') });
    expect(await revoke('-abc')).toMatchObject({ code: 0 });
    expect(await revoke('-abc')).toMatchObject({ code: 1, stderr: expect.stringContaining('no key has the kid') });
  });

  it('that could not be audited is reported, and the key stays revoked', async () => {
    const dir = keysFolder();
    const { at, stderr, list } = terminal(dir);
    writeKey(dir, 'a.json');
    const audit = async () => {
      throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
    };
    expect(await keysRevoke({ ...at(), kid: 'a.json', audit })).toBe(1);
    expect(stderr.join()).toContain('database is locked');
    expect((await list()).rows).toEqual([]);
  });
});

describe('which folder', () => {
  it('is the configuration’s, though the tokens of its workloads are out of reach and nothing can be made', async () => {
    const folder = temporaryFolder();
    const io = { env: {}, out: () => undefined, warn: () => undefined };
    const config = join(folder, 'walletcreds.yaml');
    const lines = [
      'region: us-east-1',
      'role_arn: arn:aws:iam::123456789012:role/r',
      'state_dir: /proc/nowhere',
      'identity_token: { signer: { issuer: "https://oidc.example.com", keys_dir: mine } }',
      'workloads:',
      '  a: { wallet: "0x52908400098527886e0f7030069857d2e4169ee7", token_env: NOT_SET }',
      '  b: { wallet: "0xde709f2102306220921060314715629080e2fb77", token_file: tokens/b }',
    ];
    writeFileSync(config, lines.join('\n'));
    expect(await keysCommand({ config }, io)).toMatchObject({
      keysDir: join(folder, 'mine'),
      issuer: 'https://oidc.example.com',
    });
    expect(readdirSync(folder)).toEqual(['walletcreds.yaml']);
  });
});

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { readKeyFile } from '../../../src/identity-token/keys/file.ts';
import { loadKeys } from '../../../src/identity-token/keys/set.ts';
import { generateKey } from '../../../src/identity-token/keys/write.ts';
import { mountIn } from '../../../src/lib/files/mounts.ts';
import { keysFolder, NOW, pem, temporaryFolder, writeKey } from '../support.ts';

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;

describe('a key file', () => {
  it('of an older broker works as it is and keeps its kid', async () => {
    const dir = keysFolder();
    writeKey(dir, 'old.json', { kid: 'broker-2023-01', comment: 'unknown members are left alone' });
    const keys = await loadKeys(dir, 'oidc');
    expect(keys.activeKey(NOW)).toMatchObject({
      kid: 'broker-2023-01',
      alg: 'ES256',
      notBefore: 0,
      retireAt: undefined,
    });
    expect(keys.publicJwks(NOW).keys[0]).toMatchObject({ kid: 'broker-2023-01', kty: 'EC', use: 'sig', alg: 'ES256' });
    expect(JSON.stringify(keys.publicJwks(NOW))).not.toContain('"d"');
  });

  it.each([
    [0o644, 'the world can read it'],
    [0o604, 'the world can read it'],
    [0o602, 'others can write it'],
    [0o620, 'others can write it'],
    [0o666, 'others can write it'],
  ])('of mode %o is refused with the fix', async (mode, message) => {
    const file = writeKey(keysFolder(), 'k.json');
    chmodSync(file, mode);
    await expect(readKeyFile(file, 'oidc')).rejects.toThrow(message);
    await expect(readKeyFile(file, 'oidc')).rejects.toThrow('chmod 0');
  });

  it.each([0o600, 0o400, 0o640, 0o440])('of mode %o is taken', async mode => {
    const file = writeKey(keysFolder(), 'k.json');
    chmodSync(file, mode);
    await expect(readKeyFile(file, 'oidc')).resolves.toMatchObject({ warning: undefined });
  });

  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ed = generateKeyPairSync('ed25519').privateKey;
  const cases: [string, Record<string, unknown> | string, string][] = [
    ['empty', '', 'the file is empty'],
    ['blank', ' \n', 'the file is empty'],
    ['not JSON', '{"kid":', 'not valid JSON'],
    ['a bare PEM', pem(), 'a bare PEM'],
    ['an array', '[]', 'not a JSON object'],
    ['with a duplicate member', '{"purpose":"dev","purpose":"oidc"}', 'a member occurs twice'],
    [
      'with a duplicate member and a PEM',
      `{"kid":"a","kid":"b","private_key_pem":${JSON.stringify(pem())}}`,
      'a member occurs twice',
    ],
    ['of another purpose', { purpose: 'dev' }, 'purpose is "dev", and here only keys of purpose "oidc"'],
    ['of the session purpose', { purpose: 'session' }, 'purpose is "session"'],
    ['without a purpose', { purpose: undefined }, 'purpose is missing'],
    ['with the purpose in an array', { purpose: ['oidc'] }, 'purpose is missing'],
    ['without a kid', { kid: undefined }, 'kid must be'],
    ['with an empty kid', { kid: '' }, 'kid must be'],
    ['with a line break in the kid', { kid: 'a\nb' }, 'kid must be'],
    ['with a number as kid', { kid: 1 }, 'kid must be'],
    ['without a key', { private_key_pem: undefined }, 'private_key_pem is missing'],
    ['with a public key', { private_key_pem: p256.publicKey.export({ type: 'spki', format: 'pem' }) }, 'a public key'],
    ['in SEC1', { private_key_pem: p256.privateKey.export({ type: 'sec1', format: 'pem' }) }, 'openssl pkcs8'],
    [
      'encrypted',
      { private_key_pem: p256.privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }) },
      'is encrypted',
    ],
    ['cut short', { private_key_pem: pem().slice(0, 80) }, 'no private key in PKCS#8'],
    ['on the wrong curve', { private_key_pem: p384.privateKey.export(pkcs8) }, 'secp384r1; ES256 needs P-256'],
    ['with a short RSA key', { private_key_pem: weak.export(pkcs8) }, '1024 bits; RS256 needs 2048'],
    ['of another type', { private_key_pem: ed.export(pkcs8) }, 'ed25519'],
    ['with an alg that is not its own', { alg: 'RS256' }, 'alg must be "ES256"'],
    ['with alg none', { alg: 'none' }, 'alg must be "ES256"'],
    ['with not_before in milliseconds', { not_before: Date.now() }, 'not_before must be a time in whole unix seconds'],
    ['with retire_at as a text', { retire_at: '2030-01-01' }, 'retire_at must be'],
    ['with a certificate that is none', { certificate_pem: 'x' }, 'no X.509 certificate'],
  ];
  it.each(cases)('%s is refused, naming the file', async (_, content, message) => {
    const dir = keysFolder();
    const file = writeKey(dir, 'k.json', typeof content === 'string' ? {} : content);
    if (typeof content === 'string') writeFileSync(file, content);
    const failure = await loadKeys(dir, 'oidc').catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'UnusableKeys' });
    expect((failure as Error).message).toContain(`${file}: `);
    expect((failure as Error).message).toContain(message);
    expect((failure as Error).message).not.toMatch(/MI[A-Za-z0-9+/]{20}/);
  });

  it('with the certificate of another key is refused', async () => {
    const dir = keysFolder();
    const { file } = await generateKey(dir, { alg: 'ES256', purpose: 'oidc', certificate: true });
    const { key } = await readKeyFile(file, 'oidc');
    const certificate = new X509Certificate(Buffer.from(key.publicJwk.x5c?.[0] ?? '', 'base64')).toString();
    const wrong = writeKey(temporaryFolder(), 'k.json', { certificate_pem: certificate });
    await expect(readKeyFile(wrong, 'oidc')).rejects.toThrow('belongs to another key');
  });

  it('may be a symbolic link, as Kubernetes projects Secrets', async () => {
    const dir = keysFolder();
    mkdirSync(join(dir, '..data'), { mode: 0o755 });
    writeKey(join(dir, '..data'), 'k.json', { kid: 'linked' });
    symlinkSync('..data/k.json', join(dir, 'k.json'));
    expect((await loadKeys(dir, 'oidc')).activeKey(NOW).kid).toBe('linked');
  });

  it('that is a folder, or too large, is refused', async () => {
    const dir = keysFolder();
    mkdirSync(join(dir, 'a.json'));
    writeFileSync(join(dir, 'b.json'), ' '.repeat(200_000), { mode: 0o600 });
    const failure = (await loadKeys(dir, 'oidc').catch(e => e)) as Error;
    expect(failure.message).toContain('a.json: a directory, not a file');
    expect(failure.message).toContain('b.json: larger than');
  });
});

describe('the keys folder', () => {
  it.each([0o770, 0o702, 0o777, 0o1777])('of mode %o is refused: a planted file would be published', async mode => {
    const dir = keysFolder();
    writeKey(dir, 'k.json');
    chmodSync(dir, mode);
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow(`${dir}: mode 0${mode.toString(8)} lets others put files`);
  });

  it.each([0o700, 0o750, 0o755])('of mode %o is taken', async mode => {
    const dir = keysFolder();
    writeKey(dir, 'k.json');
    chmodSync(dir, mode);
    await expect(loadKeys(dir, 'oidc')).resolves.toBeDefined();
  });

  it('that is missing, empty or a file is refused with the fix', async () => {
    const dir = keysFolder();
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow('walletcreds keys generate');
    await expect(loadKeys(join(dir, 'none'), 'oidc')).rejects.toThrow('walletcreds keys generate');
    const file = writeKey(dir, 'k.json');
    await expect(loadKeys(file, 'oidc')).rejects.toThrow('not a folder');
  });

  it('with one kid twice is refused, naming both files', async () => {
    const dir = keysFolder();
    const first = writeKey(dir, 'a.json', { kid: 'same' });
    const second = writeKey(dir, 'b.json', { kid: 'same', private_key_pem: pem('rsa') });
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow(`${second}: the same kid as ${first}`);
  });

  it('reports every bad file at once', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json', { purpose: 'dev' });
    writeKey(dir, 'b.json', { kid: '' });
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow(/a\.json: purpose[\s\S]*b\.json: kid/);
  });

  it('with more files than a rotation leaves is refused before they are read', async () => {
    const dir = keysFolder();
    for (let i = 0; i < 65; i++) writeFileSync(join(dir, `${i}.json`), '');
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow('65 files');
  });
});

describe('a read-only mount', () => {
  const mounts = [
    '22 1 0:20 / / rw,relatime - overlay overlay rw',
    '40 22 0:44 / /etc/keys ro,relatime - tmpfs tmpfs rw,size=65536k',
    '41 22 0:45 / /mnt/with\\040space rw - ext4 /dev/sda ro',
    '42 40 0:46 / /etc/keys/inner rw - tmpfs tmpfs rw',
  ].join('\n');
  it.each([
    ['/etc/keys/k.json', true],
    ['/etc/keys', true],
    ['/etc/keys-not/k.json', false],
    ['/etc/keys/inner/k.json', false],
    ['/mnt/with space/k.json', true],
    ['/home/k.json', false],
  ])('is recognised by the mount that holds the path: %s', (path, readOnly) => {
    expect(mountIn(mounts, path).readOnly).toBe(readOnly);
  });
});

describe('a generated key', () => {
  it.each(['ES256', 'RS256'] as const)(
    '%s: a file of mode 0600 in a folder of mode 0700, kid by RFC 7638',
    async alg => {
      const dir = join(temporaryFolder(), 'state', 'keys');
      const { kid, file } = await generateKey(dir, { alg, purpose: 'oidc' });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(dir).mode & 0o777).toBe(0o700);
      const key = (await loadKeys(dir, 'oidc')).activeKey(NOW);
      expect(key).toMatchObject({ kid, alg, file });
      expect(await calculateJwkThumbprint({ ...key.publicJwk } as never)).toBe(kid);
      expect(key.publicJwk).not.toHaveProperty('x5c');
    },
  );

  it.each(['ES256', 'RS256'] as const)('%s: its certificate is one that node takes, for the same key', async alg => {
    const dir = keysFolder();
    await generateKey(dir, { alg, purpose: 'oidc', certificate: true });
    const jwk = (await loadKeys(dir, 'oidc')).publicJwks(NOW).keys[0];
    const certificate = new X509Certificate(Buffer.from(jwk?.x5c?.[0] ?? '', 'base64'));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    const { kty, crv, x, y, n, e } = { crv: undefined, x: undefined, y: undefined, n: undefined, e: undefined, ...jwk };
    expect(certificate.publicKey.export({ format: 'jwk' })).toEqual(
      alg === 'ES256' ? { kty, crv, x, y } : { kty, n, e },
    );
    expect(new Date(certificate.validFrom).getTime()).toBeLessThan(Date.now());
    expect(new Date(certificate.validTo).getTime()).toBeGreaterThan(Date.now() + 9 * 365 * 86_400_000);
    expect(certificate.subject).toBe(`CN=walletcreds ${jwk?.kid}`);
  });

  it('of another purpose is refused here, and taken in its own place', async () => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'dev' });
    await expect(loadKeys(dir, 'oidc')).rejects.toThrow('only keys of purpose "oidc"');
    await expect(loadKeys(dir, 'dev')).resolves.toBeDefined();
  });
});

import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { openSecret } from '../../src/config/secrets/secret-file.ts';
import { readKeyFile } from '../../src/identity-token/keys/file.ts';
import { loadKeys } from '../../src/identity-token/keys/set.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { fileFindings, folderFindings } from '../../src/lib/files/ownership.ts';
import { configFolder } from '../support/config-folder.ts';

/** Files of other users can be made by root alone. */
const isRoot = process.geteuid?.() === 0;
const OTHER = 1001;
const TOKEN = randomBytes(32).toString('hex');
const YAML = `
region: us-east-1
role_arn: arn:aws:iam::123456789012:role/data
state_dir: state
identity_token: { file: { path: id } }
workloads:
  scraper-a: { wallet: "0x52908400098527886e0f7030069857d2e4169ee7", token_file: tokens/scraper-a }
`;

function configuration() {
  const folder = configFolder();
  const config = folder.write('walletcreds.yaml', YAML);
  const token = folder.write('tokens/scraper-a', TOKEN);
  mkdirSync(join(folder.dir, 'state'));
  return { ...folder, config, token, state: join(folder.dir, 'state'), tokens: join(folder.dir, 'tokens') };
}

async function findings(config: string, purpose?: 'inspect'): Promise<readonly string[]> {
  try {
    const { warnings } = await loadConfig(config, { env: {}, ...(purpose && { purpose }) });
    return warnings.map(text => `warning ${text}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, message }) => `${key} ${message}`);
  }
}

describe.runIf(isRoot)('what another user owns', () => {
  it('as a token file is refused by name, owner and fix', async () => {
    const { config, token } = configuration();
    chownSync(token, OTHER, OTHER);
    expect(await findings(config)).toEqual([
      expect.stringMatching(
        new RegExp(`^workloads\\.scraper-a\\.token_file .*${token}: uid 1001 owns it, .*; chown 0 ${token}$`),
      ),
    ]);
  });

  it('and was moved over a token is refused: a folder 0777 lets anybody do that, and is refused itself', async () => {
    const { config, token, tokens, write } = configuration();
    const planted = write('planted', TOKEN.toUpperCase());
    chownSync(planted, OTHER, OTHER);
    chmodSync(tokens, 0o777);
    renameSync(planted, token);
    const [owner] = await findings(config);
    expect(owner).toContain('uid 1001 owns it');
    chownSync(token, 0, 0);
    expect(await findings(config)).toEqual([
      expect.stringContaining(
        `its folder ${tokens}: mode 0777 lets others put other files in the place of those in it; chmod go-w ${tokens}`,
      ),
    ]);
  });

  it('as the configuration is refused', async () => {
    const { config } = configuration();
    chownSync(config, OTHER, OTHER);
    expect(await findings(config)).toEqual([expect.stringContaining('uid 1001 owns it')]);
    expect((await findings(config, 'inspect'))[0]).toMatch(/^warning .*walletcreds\.yaml: uid 1001 owns it/);
  });

  it('as a file that the configuration includes is refused: its owner could choose the wallet', async () => {
    const { config, write } = configuration();
    write('walletcreds.yaml', YAML.replace(/"0x\w+"/, '"${file:wallet}"'));
    const wallet = write('wallet', '0x52908400098527886e0f7030069857d2e4169ee7');
    chownSync(wallet, OTHER, OTHER);
    expect(await findings(config)).toEqual([
      expect.stringMatching(`^workloads\\.scraper-a\\.wallet .*${wallet} .*uid 1001 owns it.*; chown 0 ${wallet}$`),
    ]);
    expect((await findings(config, 'inspect')).join('\n')).not.toContain('owns it');
    chownSync(wallet, 0, 0);
    expect((await findings(config)).join('\n')).not.toContain('scraper-a.wallet');
  });

  it.each(['', '-wal', '-shm'])('as the database’s file "%s" is refused', async suffix => {
    const { config, state, write } = configuration();
    chownSync(write(`state/audit.sqlite${suffix}`, ''), OTHER, OTHER);
    expect(await findings(config)).toEqual([
      expect.stringContaining(`the database ${state}/audit.sqlite${suffix}: uid 1001 owns it`),
    ]);
  });

  it('as state_dir is refused: its owner can put a copy of a JWKS there', async () => {
    const { config, state } = configuration();
    chownSync(state, OTHER, OTHER);
    expect(await findings(config)).toEqual([
      expect.stringMatching(`^state_dir the folder ${state}: uid 1001 owns it.*; chown 0 ${state}$`),
    ]);
  });

  it('as a signing key, or the folder of keys, is refused', async () => {
    const { dir, write } = configFolder();
    const key = write('keys/a.json', '{}');
    chownSync(key, OTHER, OTHER);
    await expect(readKeyFile(key, 'oidc')).rejects.toThrow('uid 1001 owns it');
    chownSync(join(dir, 'keys'), OTHER, OTHER);
    await expect(loadKeys(join(dir, 'keys'), 'oidc')).rejects.toThrow(`${dir}/keys: uid 1001 owns it`);
  });

  it('is found behind a link, in the folder of the link and in the folder it leads to', () => {
    const { dir, write } = configFolder();
    const real = write('real/s', TOKEN);
    mkdirSync(join(dir, 'named'));
    symlinkSync(real, join(dir, 'named/s'));
    const open = () => openSecret(join(dir, 'named/s'), 'the key').text;
    expect(open()).toBe(TOKEN);
    for (const folder of ['named', 'real']) {
      chownSync(join(dir, folder), OTHER, OTHER);
      expect(open).toThrow(`its folder ${dir}/${folder}: uid 1001 owns it`);
      chownSync(join(dir, folder), 0, 0);
    }
  });

  it('goes on working in a Secret’s mount, with a warning: it is read-only', () => {
    const { dir, write } = configFolder();
    const file = write('mount/..data/s', TOKEN, 0o644);
    for (const each of [file, join(dir, 'mount/..data'), join(dir, 'mount')]) chownSync(each, OTHER, OTHER);
    chmodSync(join(dir, 'mount/..data'), 0o777);
    const mountinfo = write('mounts', `36 35 98:0 / ${realpathSync(dir)}/mount ro shared:1 - tmpfs tmpfs rw\n`);
    const { text, warnings } = openSecret(file, 'the key', { mountinfo });
    expect([text, warnings.length]).toEqual([TOKEN, 4]);
  });
});

describe('a folder that others can write', () => {
  it.each([
    [0o702, true],
    [0o777, true],
    [0o1777, false],
    [0o711, false],
    [0o755, false],
    [0o775, false],
  ])('of mode %o is refused: %s', (mode, refused) => {
    const { dir } = configFolder();
    chmodSync(dir, mode);
    expect(folderFindings(dir)).toHaveLength(refused ? 1 : 0);
  });

  it.runIf(isRoot)('by a group that this process isn’t of is refused', () => {
    const { dir } = configFolder();
    chmodSync(dir, 0o770);
    chownSync(dir, 0, OTHER);
    expect(folderFindings(dir)).toMatchObject([{ refused: true, message: expect.stringContaining('mode 0770') }]);
  });

  it('is only warned of where it is a volume’s own root, as an emptyDir is, and once for all files in it', () => {
    const { dir, write } = configFolder();
    const [a, b] = [write('volume/a', TOKEN), write('volume/b', TOKEN)];
    chmodSync(join(dir, 'volume'), 0o2777);
    const volume = `${realpathSync(dir)}/volume`;
    const mountinfo = write('mounts', `1 0 0:1 / / rw - ext4 d rw\n2 1 0:2 / ${volume} rw - tmpfs t rw\n`);
    const folders = new Map();
    const said = [a, b].flatMap(file => openSecret(file, 'the key', { mountinfo, folders }).warnings);
    expect(said).toEqual([expect.stringContaining(`its folder ${dir}/volume: mode 02777`)]);
  });

  it('with state_dir’s name is an error at that key', async () => {
    const { config, state } = configuration();
    chmodSync(state, 0o777);
    expect(await findings(config)).toEqual([expect.stringContaining(`state_dir the folder ${state}: mode 0777`)]);
  });
});

it('no file that is not root’s or this user’s passes without a finding, whatever its mode', () => {
  const { write } = configFolder();
  const file = write('s', TOKEN);
  const own = process.geteuid?.() ?? 0;
  fc.assert(
    fc.property(fc.nat(70_000), fc.nat(0o7777), (uid, mode) => {
      const found = fileFindings(file, { uid, mode }).some(({ message }) => message.startsWith(`uid ${uid} owns it`));
      expect(found).toBe(uid !== 0 && uid !== own);
    }),
  );
});

/**
 * The broker's signing keys as the kubelet mounts a Secret: a tmpfs that says everybody may write to it, mounted read-only,
 * links to a hidden folder that is swapped whole, files for the pod's group alone. Root only, for the mount.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { because } from '../support/clients.ts';
import { bin, cleanEnv, temporaryFolder } from '../support/process.ts';
import { build } from './objects.ts';
import { podFolder } from './pod-folder.ts';
import { kubectls } from './tools.ts';

const built = await kubectls();
const missing =
  'missing' in built ? built.missing : process.getuid?.() === 0 ? undefined : 'mounting a Secret’s tmpfs needs root';
const objects = 'programs' in built ? build(built.programs[0] ?? '', 'broker') : [];

/** In namespaces of its own: mounts the folders over themselves as Secrets, then becomes the pod's user and runs the rest. */
const SCRIPT = `
ip link set lo up
for dir in $SECRETS; do
  cp -a "$dir" "$dir.files"
  mount -t tmpfs -o mode=1777 secret "$dir"
  cp -a "$dir.files" "$dir/..2026_01_01"
  chmod 755 "$dir/..2026_01_01"
  ln -s ..2026_01_01 "$dir/..data"
  for file in $(ls "$dir.files"); do ln -s "..data/$file" "$dir/$file"; done
  mount -o remount,$MODE "$dir"
done
exec setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
`;

describe.skipIf(because(missing))('keys in a Secret', () => {
  /** A verb as the broker's user, with the Secrets of the recipe mounted; one that serves is stopped once it does. */
  async function broker(mode: 'ro' | 'rw', ...verb: string[]) {
    const { path, remove } = temporaryFolder('secret');
    onTestFinished(remove);
    const pod = await podFolder(path, objects);
    chmodSync(path, 0o755);
    writeFileSync(pod.config, pod.text.replace(/database: .*/, 'database: stdout'));
    const secrets = ['/etc/walletcreds-keys', '/etc/walletcreds-tls', '/var/run/secrets/apiserver'].map(pod.at);
    for (const dir of secrets) {
      chownSync(dir, 0, 65_532);
      for (const file of readdirSync(dir)) chownSync(join(dir, file), 0, 65_532);
    }
    chmodSync(pod.at('/var/lib/walletcreds'), 0o1777);
    const args = ['-m', '-n', '--propagation', 'private', 'sh', '-euc', SCRIPT, 'sh', process.execPath, '--', bin];
    const child = spawn('unshare', [...args, ...verb, '--config', pod.config], {
      env: cleanEnv(path, { ...pod.env, SECRETS: secrets.join(' '), MODE: mode }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let stopped = false;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', chunk => {
        said += chunk;
        // All of it is exec'd: it is the program itself that is told to stop.
        if (!stopped && said.includes('"serving"')) stopped = child.kill('SIGTERM');
      });
    const code = await new Promise<number | null>(resolve => child.once('close', resolve));
    return { code, said };
  }

  test('are read through the links of a read-only mount, by the pod’s group', async () => {
    const { code, said } = await broker('ro', 'keys', 'list');
    expect([code, said]).toEqual([0, expect.not.stringContaining('refused')]);
    expect(said).toMatch(/sign/i);
  });

  test('are enough for a broker to serve, as the pod’s user, without a capability', async () => {
    const { code, said } = await broker('ro', 'serve');
    expect([code, said]).toEqual([0, expect.stringContaining('"serving"')]);
    expect(said).toContain('"broker":"https://[::]:8443"');
  });

  test.each([['keys', 'list'], ['serve']])(
    'are refused on a mount that can be written: a planted file would be published (%s)',
    async (...verb) => {
      const { code, said } = await broker('rw', ...verb);
      expect(code).not.toBe(0);
      expect(said).toContain('lets others put files there, and every key in it is published');
      expect(said.split('\n').filter(line => line !== '' && !line.startsWith('{'))).toHaveLength(1);
    },
  );
});

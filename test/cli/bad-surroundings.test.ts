/**
 * What a container finds wrong around it: mounts, token files, ports, addresses. The real program says in one line what to
 * change, and ends.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noStacks } from '../network/stack.ts';
import { type Chain, startChain } from '../support/chain.ts';
import { bin, cleanEnv, type Finished, run } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
let chain: Chain;
beforeEach(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
});
afterEach(() => chain?.close());

/** Runs `serve` to its end, without a signal. */
const serve = (): Promise<Finished> =>
  run(process.execPath, ['--', bin, 'serve'], { env: cleanEnv(chain.folder), cwd: chain.folder, timeout: 10_000 });

/** The log beside it, JSON lines, is the log's. */
async function saidInOneLine(ended: Promise<Finished>, code: number): Promise<string> {
  const { code: was, stdout, stderr } = await ended;
  const said = stderr.split('\n').filter(line => line !== '' && !line.startsWith('{'));
  expect({ code: was, stdout, said }).toEqual({ code, stdout: '', said: [expect.any(String)] });
  return said[0] ?? '';
}

describe('the configuration', () => {
  test('isn’t mounted: names the file and how to say another', async () => {
    rmSync(join(chain.folder, 'walletcreds.yaml'));
    expect(await saidInOneLine(serve(), 2)).toMatch(
      /walletcreds\.yaml.*(no such file|not there|missing).*(--config|init|mount)/i,
    );
  });

  test('is a folder, as the engine makes of a bind mount whose source isn’t there', async () => {
    rmSync(join(chain.folder, 'walletcreds.yaml'));
    mkdirSync(join(chain.folder, 'walletcreds.yaml'));
    expect(await saidInOneLine(serve(), 2)).toMatch(/walletcreds\.yaml: a directory, not a file.*mount/);
  });
});

describe('the token file', () => {
  test.each([
    ['was half written', 'ab12', /has 4 characters, at least 32 are needed; remove the file/],
    ['is empty', '', /empty/],
    ['ends in a newline', `${randomBytes(32).toString('hex')}\n`, /ends in a newline.*printf %s/],
    ['has a byte order mark', `\uFEFF${randomBytes(32).toString('hex')}`, /byte order mark/],
  ])('%s', async (_, text, message) => {
    chain.write('tokens/a', text);
    const said = await saidInOneLine(serve(), 2);
    expect(said).toMatch(/^walletcreds\.yaml:\d+:\d+ workloads\.a\.token_file: /);
    expect(said).toMatch(message);
    if (text.length > 8) expect(said).not.toContain(text.trim().slice(0, 16));
  });

  test('is a folder', async () => {
    mkdirSync(join(chain.folder, 'tokens/a'), { recursive: true });
    expect(await saidInOneLine(serve(), 2)).toMatch(/workloads\.a\.token_file: .*a directory, not a file.*mount/);
  });

  test('can be read by the world', async () => {
    chain.write('tokens/a', randomBytes(32).toString('hex'), 0o644);
    expect(await saidInOneLine(serve(), 2)).toMatch(/the world can read it \(mode 0644\); chmod 0640/);
  });
});

describe('the folder of keys', () => {
  test('isn’t mounted', async () => {
    rmSync(join(chain.folder, 'keys'), { recursive: true });
    expect(await saidInOneLine(serve(), 2)).toMatch(/keys.*walletcreds keys generate/);
  });
});

describe('a port', () => {
  test('is in use: names the listener, the address, and how to find who has it', async () => {
    const squatter = createServer();
    await new Promise<void>(done => squatter.listen(chain.port, '127.0.0.1', done));
    const said = await saidInOneLine(serve(), 1);
    expect(said).toContain(
      `endpoint.listen: can't listen on 127.0.0.1:${chain.port}: the port is in use by another program`,
    );
    squatter.close();
  });

  test('is of an address that this machine hasn’t: says how to add it', async () => {
    chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }).replace(/127\.0\.0\.1:\d+/, '169.254.170.23:9110'));
    expect(await saidInOneLine(serve(), 1)).toContain('169.254.170.23 is no address of this machine; add it');
  });
});

describe.skipIf(noStacks())('as a user who is nobody, in a namespace', () => {
  /** Runs `serve` under uid 65532 with no capability, in a network namespace that was set up by `setup`. */
  async function serveIn(setup: string): Promise<Finished> {
    const space = `wc${randomBytes(3).toString('hex')}`;
    execFileSync('/usr/sbin/ip', ['netns', 'add', space]);
    try {
      const inside = `${setup}; exec setpriv --reuid=65532 --regid=65532 --clear-groups --bounding-set=-all --no-new-privs "$@"`;
      const command = ['/bin/sh', '-c', inside, 'sh', process.execPath, '--', bin, 'serve'];
      return await run('/usr/sbin/ip', ['netns', 'exec', space, ...command], {
        env: cleanEnv(chain.folder),
        cwd: chain.folder,
        timeout: 10_000,
      });
    } finally {
      execFileSync('/usr/sbin/ip', ['netns', 'delete', space]);
    }
  }

  function give(): void {
    chmodSync(chain.folder, 0o755);
    execFileSync('/usr/bin/chown', ['-R', '65532:65532', chain.folder]);
  }

  test('port 80 may not be bound: says which ports may, and what grants it', async () => {
    chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }).replace(/127\.0\.0\.1:\d+/, '127.0.0.1:80'));
    give();
    const said = await saidInOneLine(
      serveIn('ip link set lo up; echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start'),
      1,
    );
    expect(said).toMatch(
      /endpoint\.listen: can't listen on 127\.0\.0\.1:80: no permission for port 80; .*1024.*ip_unprivileged_port_start/,
    );
  });

  test('there is no IPv6: says to take the address out', async () => {
    chain.write(
      'walletcreds.yaml',
      chain.yaml({ a: WALLET }).replace(/\["127\.0\.0\.1:(\d+)"\]/, '["127.0.0.1:$1", "[::1]:$1"]'),
    );
    give();
    const said = await saidInOneLine(
      serveIn('ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip -6 addr flush dev lo'),
      1,
    );
    expect(said).toMatch(
      /endpoint\.listen: can't listen on \[::1\]:\d+: this machine has no IPv6.*take the address out of endpoint\.listen/,
    );
  });

  test('the volume for what is written belongs to another user', async () => {
    chain.write('walletcreds.yaml', `${chain.yaml({ a: WALLET })}\nstate_dir: state\n`);
    give();
    mkdirSync(join(chain.folder, 'state'), { mode: 0o755 });
    chownSync(join(chain.folder, 'state'), 0, 0);
    const { code, stderr } = await serveIn('ip link set lo up');
    expect(code).toBe(2);
    for (const line of stderr.trim().split('\n'))
      expect(line).toMatch(/^walletcreds\.yaml.*state.*(can't be (made|written)|may not write)/);
  });
});

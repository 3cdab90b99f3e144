/**
 * A node as the network sees it: a namespace with pods behind it, each routed to the node as its gateway, and the outside,
 * where API server, broker and STS are, behind one more link. Root only.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { bin, cleanEnv, type Finished, run } from '../support/process.ts';
import { listenTo } from '../support/said.ts';

/** Why no node can be built here; undefined where it can. */
export function missingForNodes(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need root on Linux';
  for (const [program, name] of [
    ['/usr/sbin/ip', 'iproute2'],
    ['/usr/bin/setpriv', 'util-linux'],
    ['/usr/bin/busybox', 'busybox'],
  ] as const)
    if (!existsSync(program) && !existsSync(program.replace('/usr', ''))) return `${name} not installed`;
  return undefined;
}

/** As a container runs: nothing gained by exec, and of root's capabilities only these. */
export type As = { readonly uid: number; readonly capabilities: readonly string[] };
export const AGENT: As = { uid: 0, capabilities: ['net_bind_service'] };
export const APP: As = { uid: 1000, capabilities: [] };

export interface Running {
  readonly child: ChildProcess;
  said(): string;
  /** Resolves once it has said this; rejects when it ends before. */
  says(text: string): Promise<string>;
  readonly ended: Promise<number | null>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

export interface Node {
  /** The outside's address, where the test's own servers listen. */
  readonly outside: string;
  /** @param where a pod's name; absent: the node itself, in its own network */
  run(where: string | undefined, as: As, args: readonly string[], env?: Record<string, string>): Promise<Finished>;
  /** The shell script of an init container, by busybox, with these capabilities. */
  script(text: string, capabilities: readonly string[]): Promise<Finished>;
  start(where: string | undefined, as: As, args: readonly string[], env: Record<string, string>): Running;
  serve(as: As, config: string, env: Record<string, string>): Running;
  ip(...args: string[]): string;
  close(): void;
}

let count = 0;

/** @param names that the node's resolver knows for the outside; @param pods their names and addresses */
export function startNode(
  folder: string,
  names: readonly string[],
  pods: Readonly<Record<string, readonly [ipv4: string, ipv6: string]>>,
): Node {
  const id = `wc${process.pid % 100_000}${String.fromCharCode(97 + (count++ % 26))}`;
  const node = `${id}-node`;
  const net = `198.18.${process.pid % 200}.${(count % 60) * 4}`;
  const [outside, inside] = [1, 2].map(last => net.replace(/\d+$/, digits => String(Number(digits) + last)));
  const ip = (...args: string[]) => execFileSync('/usr/sbin/ip', args, { encoding: 'utf8', stdio: 'pipe' });
  const inNode = (...args: string[]) => ip('-n', node, ...args);

  const close = () => {
    for (const name of [node, ...Object.keys(pods).map(pod => `${id}-${pod}`)]) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was never made.
      }
    }
    rmSync(`/etc/netns/${node}`, { recursive: true, force: true });
  };
  try {
    ip('netns', 'add', node);
    inNode('link', 'set', 'lo', 'up');
    ip('link', 'add', `${id}o`, 'type', 'veth', 'peer', 'name', 'out', 'netns', node);
    ip('addr', 'add', `${outside}/30`, 'dev', `${id}o`);
    ip('link', 'set', `${id}o`, 'up');
    inNode('addr', 'add', `${inside}/30`, 'dev', 'out');
    inNode('link', 'set', 'out', 'up');
    mkdirSync(`/etc/netns/${node}`, { recursive: true });
    writeFileSync(`/etc/netns/${node}/hosts`, `127.0.0.1 localhost\n${outside} ${names.join(' ')}\n`);
    for (const [pod, [v4, v6]] of Object.entries(pods)) {
      const name = `${id}-${pod}`;
      const inPod = (...args: string[]) => ip('-n', name, ...args);
      ip('netns', 'add', name);
      inNode('link', 'add', `p-${pod}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      inNode('link', 'set', `p-${pod}`, 'up');
      inPod('link', 'set', 'lo', 'up');
      inPod('link', 'set', 'eth0', 'up');
      // As most network plugins do it: a host route each way, and the node as the gateway for everything else.
      inNode('addr', 'add', '169.254.1.1/32', 'dev', `p-${pod}`);
      inNode('route', 'add', `${v4}/32`, 'dev', `p-${pod}`);
      inPod('addr', 'add', `${v4}/32`, 'dev', 'eth0');
      inPod('route', 'add', '169.254.1.1', 'dev', 'eth0');
      inPod('route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0');
      inNode('addr', 'add', 'fe80::1/64', 'dev', `p-${pod}`, 'nodad');
      inNode('route', 'add', `${v6}/128`, 'dev', `p-${pod}`);
      inPod('addr', 'add', `${v6}/128`, 'dev', 'eth0', 'nodad');
      inPod('route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
    }
  } catch (error) {
    close();
    throw error;
  }

  const command = (where: string | undefined, { uid, capabilities }: As, args: readonly string[]) => {
    const set = ['-all', ...capabilities.map(name => `+${name}`)].join(',');
    const user = uid === 0 ? [] : ['--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
    return [
      ...['netns', 'exec', where === undefined ? node : `${id}-${where}`, '/usr/bin/setpriv', ...user],
      ...[`--bounding-set=${set}`, `--inh-caps=${set}`, '--no-new-privs', ...args],
    ];
  };
  const env = (more: Record<string, string> = {}) => cleanEnv(folder, more);

  function start(where: string | undefined, as: As, args: readonly string[], more: Record<string, string>): Running {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn('/usr/sbin/ip', command(where, as, args), { env: env(more), cwd: folder, stdio: [...stdio] });
    const { said, says, ended } = listenTo(child, args[0] ?? '');
    return {
      child,
      said,
      says,
      ended,
      stop() {
        child.kill('SIGTERM');
        return ended;
      },
    };
  }
  return {
    outside: outside ?? '',
    ip: inNode,
    close,
    run: (where, as, args, more) => run('/usr/sbin/ip', command(where, as, args), { env: env(more), cwd: folder }),
    script(text, capabilities) {
      const tools = `${folder}/busybox`;
      if (!existsSync(tools)) {
        mkdirSync(tools);
        execFileSync('busybox', ['--install', '-s', tools]);
      }
      const args = command(undefined, { uid: 0, capabilities }, [`${tools}/sh`, '-euc', text]);
      return run('/usr/sbin/ip', args, { env: { PATH: `${tools}:/usr/bin` }, cwd: folder });
    },
    start,
    serve: (as, config, more) => start(undefined, as, [process.execPath, '--', bin, 'serve', '--config', config], more),
  };
}

/**
 * A compose file brought up without an engine: every service in a network namespace of its own (or another service's,
 * where it says `network_mode: service:`), on bridges with the addresses that the file gives, under its uid and groups,
 * without capabilities, on a read-only root, its volumes where it wants them.
 *
 * The bridges stand in a namespace of their own: nothing is added to the machine's own network, and nothing reaches it.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { because, debian } from '../support/clients.ts';
import { type Finished, root } from '../support/process.ts';
import type { ComposeFile, Service } from './compose-file.ts';

/** Why no stack can be brought up here, said aloud; false where one can. */
export function noStacks(): boolean {
  if (process.platform !== 'linux') return because('network namespaces are Linux');
  if (process.getuid?.() !== 0) return because('network namespaces need root');
  const packages = debian('iproute2', 'docker-compose', 'arping');
  if (packages !== undefined) return because(packages);
  try {
    execFileSync('/usr/bin/unshare', ['--net', '--mount', '/bin/true'], { stdio: 'ignore' });
    return false;
  } catch {
    return because('this machine gives no namespaces to root');
  }
}

export interface Running {
  readonly child: ChildProcess;
  said(): string;
  readonly ended: Promise<Finished>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the service's own; `root` also keeps every capability, as no recipe does. */
  readonly user?: string;
}

export interface Stack {
  readonly file: ComposeFile;
  /** Of a service on a network. */
  address(service: string, network?: string): string;
  /** A further namespace: on a network with an address, or on none. Its programs run as services do. */
  stranger(name: string, at?: { network: string; address: string }): void;
  /** Starts a program beside the service: its network, volumes, user and environment. */
  start(service: string, command: readonly string[], options?: RunOptions): Running;
  /** The same, to its end. */
  run(service: string, command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The service itself, by its command. */
  up(service: string, env?: Readonly<Record<string, string>>): Running;
  /** Resolves once the service's own health check passes, as `condition: service_healthy` does; rejects if it ends first. */
  healthy(service: string, running: Running): Promise<void>;
  /** As root in the service's network: `ip`, `arping`. */
  asRoot(service: string, ...command: string[]): Promise<Finished>;
  close(): void;
}

const IMAGES: Readonly<Record<string, readonly string[]>> = {
  walletcreds: ['node', '--', '/app/dist/bin.js'],
  scraper: ['node', '/app/examples/scraper/index.mjs'],
};

export function createStack(file: ComposeFile): Stack {
  const id = `wc${randomBytes(3).toString('hex')}`;
  const folder = join(tmpdir(), id);
  const switches = `${id}-sw`;
  const spaces = new Set<string>();
  const volumes = new Map<string, string>();
  const running = new Set<ChildProcess>();
  const addresses = new Map<string, string>();
  const strangers = new Map<string, Service>();
  const ip = (...args: string[]) => void execFileSync('/usr/sbin/ip', args, { stdio: 'pipe' });
  const names = Object.keys(file.services);
  const serviceOf = (name: string): Service => {
    const service = file.services[name] ?? strangers.get(name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return service;
  };
  /** The namespace's owner: the service itself, or the one whose network it shares. */
  const hostOf = (name: string): string => serviceOf(name).network_mode?.replace(/^service:/, '') ?? name;
  const spaceOf = (name: string): string => `${id}-${[...names, ...strangers.keys()].indexOf(hostOf(name))}`;

  function addSpace(space: string): void {
    ip('netns', 'add', space);
    spaces.add(space);
    ip('-n', space, 'link', 'set', 'lo', 'up');
  }

  function plug(name: string, network: string, address: string): void {
    const space = spaceOf(name);
    const nth = addresses.size;
    const bridge = `br${networks.indexOf(network)}`;
    ip('-n', space, 'link', 'add', `eth${nth}`, 'type', 'veth', 'peer', 'name', `port${nth}`, 'netns', switches);
    ip('-n', switches, 'link', 'set', `port${nth}`, 'master', bridge, 'up');
    ip('-n', space, 'addr', 'add', `${address}/24`, 'dev', `eth${nth}`);
    ip('-n', space, 'link', 'set', `eth${nth}`, 'up');
    addresses.set(`${name} ${network}`, address);
  }

  const networks = ['default', ...Object.keys(file.networks ?? {}).filter(name => name !== 'default')];

  function build(): void {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    addSpace(switches);
    for (const i of networks.keys()) {
      ip('-n', switches, 'link', 'add', `br${i}`, 'type', 'bridge');
      ip('-n', switches, 'link', 'set', `br${i}`, 'up');
    }
    for (const [i, name] of names.entries()) {
      const service = serviceOf(name);
      if (service.network_mode !== undefined) continue;
      addSpace(spaceOf(name));
      for (const [network, settings] of Object.entries(service.networks ?? { default: null }))
        plug(name, network, settings?.ipv4_address ?? `10.77.${networks.indexOf(network)}.${i + 10}`);
      for (const [key, value] of Object.entries(service.sysctls ?? {}))
        execFileSync('/usr/sbin/ip', [
          'netns',
          'exec',
          spaceOf(name),
          'sh',
          '-c',
          `echo ${value} >/proc/sys/${key.replaceAll('.', '/')}`,
        ]);
    }
    for (const [name, volume] of Object.entries(file.volumes ?? {})) {
      const place = join(folder, `volume-${name}`);
      mkdirSync(place);
      execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', volume?.driver_opts?.o ?? 'mode=0711', 'tmpfs', place]);
      volumes.set(name, place);
    }
  }

  /** As the engine's resolver would: services by name and alias, on the networks that they share. */
  function hostsFile(name: string): string {
    const own = Object.keys(serviceOf(hostOf(name)).networks ?? { default: null });
    const lines = names.flatMap(other =>
      Object.entries(serviceOf(other).networks ?? { default: null })
        .filter(([network]) => own.includes(network) && addresses.has(`${other} ${network}`))
        .map(([network, settings]) =>
          [addresses.get(`${other} ${network}`), other, ...(settings?.aliases ?? [])].join(' '),
        ),
    );
    const path = join(folder, `hosts-${name}`);
    writeFileSync(path, ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'));
    return path;
  }

  function start(name: string, command: readonly string[], options: RunOptions = {}): Running {
    const service = serviceOf(name);
    const user = options.user ?? service.user ?? '65532:65532';
    const binds = (service.volumes ?? []).map(text => {
      const [source = '', target = '', mode = 'rw'] = text.split(':');
      return [volumes.get(source) ?? source, target, mode] as const;
    });
    const script = [
      'set -e; ulimit -c 0',
      'mount --make-rprivate /',
      'mount -t tmpfs tmpfs "$LAB/layer"; cd "$LAB/layer"; mkdir upper work root',
      'mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root',
      // /run is hidden: the machine's own sockets are none of a container's business.
      'rm -rf root/run; mkdir -p root/run root/app root/proc root/dev root/sys; chmod 755 root root/run root/app',
      'rm -f root/usr/local/bin/node; touch root/usr/local/bin/node root/etc/hosts',
      ...binds.map(
        ([source, target], i) =>
          `s${i}='${source}'; t${i}='root${target}'; mkdir -p "$(dirname "$t${i}")"; if [ -d "$s${i}" ]; then mkdir -p "$t${i}"; else touch "$t${i}"; fi`,
      ),
      'mount -o remount,ro root',
      'mount --bind "$REPOSITORY" root/app; mount --bind "$NODE" root/usr/local/bin/node; mount --bind "$HOSTS" root/etc/hosts',
      'mount -t proc proc root/proc; mount --rbind /dev root/dev; mount --bind /sys root/sys',
      ...binds.map(
        ([, , mode], i) =>
          `mount --bind "$s${i}" "$t${i}"${mode === 'ro' ? `; mount -o remount,bind,ro "$t${i}"` : ''}`,
      ),
      ...(user === 'root'
        ? ['exec chroot root env - "$@"']
        : [
            `set -- chroot --userspec=${user} --groups=${[user.split(':')[1], ...(service.group_add ?? [])].join(',')} root env - "$@"`,
            'exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid "$@"',
          ]),
    ].join('\n');
    mkdirSync(join(folder, 'layer'), { recursive: true });
    const env: Record<string, string> = {
      PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/nonexistent',
      NO_COLOR: '1',
      ...(name.startsWith('walletcreds') ? { WALLETCREDS_CONFIG: '/etc/walletcreds/walletcreds.yaml' } : {}),
      ...(service.environment ?? {}),
      ...options.env,
    };
    const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const child = spawn(
      '/usr/sbin/ip',
      [
        ...['netns', 'exec', spaceOf(name), '/usr/bin/unshare', '--mount', '--pid', '--fork', '--kill-child=SIGKILL'],
        ...['/bin/sh', '-c', script, 'sh', ...variables, ...command],
      ],
      {
        cwd: '/',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
          LAB: folder,
          REPOSITORY: root,
          NODE: process.execPath,
          HOSTS: hostsFile(name),
        },
      },
    );
    running.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', chunk => {
      stderr += chunk;
    });
    const ended = new Promise<Finished>(resolve =>
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve({ code, signal, stdout, stderr });
      }),
    );
    return { child, ended, said: () => stdout + stderr };
  }

  const stack: Stack = {
    file,
    address: (service, network = 'default') => addresses.get(`${hostOf(service)} ${network}`) ?? '',
    stranger(name, at) {
      strangers.set(name, { networks: at === undefined ? {} : { [at.network]: {} } });
      addSpace(spaceOf(name));
      if (at !== undefined) plug(name, at.network, at.address);
    },
    start,
    run: (service, command, options) => start(service, command, options).ended,
    up(service, env = {}) {
      const image = serviceOf(service).image ?? 'scraper';
      const command = serviceOf(service).command ?? (image === 'walletcreds' ? ['serve'] : []);
      return start(service, [...(IMAGES[image] ?? []), ...command], { env });
    },
    async healthy(service, started) {
      const [, ...probe] = serviceOf(service).healthcheck?.test ?? [];
      let over: Finished | undefined;
      void started.ended.then(finished => {
        over = finished;
      });
      for (let tries = 0; tries < 60; tries++) {
        if (over !== undefined) throw new Error(`${service} ended with ${over.code}:\n${over.stdout}${over.stderr}`);
        if ((await start(service, probe).ended).code === 0) return;
      }
      throw new Error(`${service} did not become healthy:\n${started.said()}`);
    },
    asRoot: (service, ...command) => start(service, command, { user: 'root' }).ended,
    close() {
      for (const child of running) child.kill('SIGKILL');
      for (const space of spaces) {
        const pids = execFileSync('/usr/sbin/ip', ['netns', 'pids', space], { encoding: 'utf8' }).split('\n');
        for (const pid of pids.filter(text => text !== '')) kill(Number(pid));
        ip('netns', 'delete', space);
      }
      for (const place of volumes.values()) execFileSync('/usr/bin/umount', ['--lazy', place]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    build();
  } catch (error) {
    stack.close();
    throw error;
  }
  return stack;
}

/** Of our own namespaces alone; it may have ended meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has.
  }
}

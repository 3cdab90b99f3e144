/**
 * Stands in the bundle where libsql would ask which of its native builds this machine takes. libsql asks node's diagnostic
 * report, which also looks up the name of whoever each open socket is connected to: slow where the resolver is, and
 * never quick. `detect-libc` reads the first bytes of node's own file.
 *
 * @module
 */
import { familySync, MUSL } from 'detect-libc';

/** @returns the end of the package's name, as in `@libsql/linux-x64-gnu` */
export function currentTarget(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform}-${arch}${platform === 'win32' ? '-msvc' : ''}`;
  if (arch === 'arm') return 'linux-arm-gnueabihf';
  return `linux-${arch}-${familySync() === MUSL ? 'musl' : 'gnu'}`;
}

/** libsql's way to a build of its own developers. */
export function load(): null {
  return null;
}

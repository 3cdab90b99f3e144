/**
 * Tells a second `serve` that its `state_dir` is in use.
 *
 * The first one listens on a Unix socket in the folder. The kernel closes it with the process, however that ends, and it is
 * reached from other containers that mount the folder. A process id in a file is neither.
 *
 * @module
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Logger } from '../lib/log.ts';

/**
 * Claims the folder, and logs a warning where another process has done so. A folder that can't hold a socket is not
 * claimed.
 *
 * @returns ends the claim
 */
export async function claimStateDir(stateDir: string, log: Logger): Promise<() => void> {
  const path = join(stateDir, 'serve.sock');
  let claim = await listenAt(path);
  if (claim === 'EADDRINUSE' && !(await isAnswered(path))) {
    // Its process was killed.
    rmSync(path, { force: true });
    claim = await listenAt(path);
  }
  if (typeof claim === 'function') return claim;
  if (claim === 'EADDRINUSE')
    log.warn(
      { code: 'StateDirShared' },
      `another walletcreds serve uses state_dir ${stateDir}; stop one of them, or give each a state_dir of its own`,
    );
  else log.debug({ reason: claim }, `${path} can't be made, so a second serve on this state_dir is not noticed`);
  return () => {};
}

/** @returns what closes the socket and removes it, or the code of the error */
async function listenAt(path: string): Promise<(() => void) | string> {
  const server = createServer(connection => connection.destroy()).unref();
  try {
    await once(server.listen(path), 'listening');
    // One that can't accept, for want of descriptors, must not end the process.
    server.on('error', () => undefined);
    return () => void server.close();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/** Whether a process listens on the socket. */
async function isAnswered(path: string): Promise<boolean> {
  const connection = connect(path);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}

/**
 * One Ceph gateway for a run, brought up by up.sh and ended by down.sh.
 *
 * @module
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Gateway {
  readonly url: string;
  readonly admin: { readonly accessKeyId: string; readonly secretAccessKey: string };
  down(): void;
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** @returns why it can't be brought up here, where it can't */
export async function gatewayUp(): Promise<Gateway | { missing: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'walletcreds-ceph-'));
  const [rgwPort, monPort] = [await freePort(), await freePort()];
  const { status, stdout, stderr } = await new Promise<{ status: number; stdout: string; stderr: string }>(resolve => {
    execFile(
      'bash',
      [script('up.sh'), dir, String(rgwPort), String(monPort)],
      { timeout: 280_000 },
      (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
      },
    );
  });
  if (status === 77) {
    rmSync(dir, { recursive: true, force: true });
    return { missing: stderr.trim() };
  }
  if (status !== 0) throw new Error(`up.sh: ${stderr}`);
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  return {
    url: `http://127.0.0.1:${rgwPort}`,
    admin: { accessKeyId: value('ADMIN_ACCESS_KEY'), secretAccessKey: value('ADMIN_SECRET_KEY') },
    down: () => void spawnSync('bash', [script('down.sh'), dir], { stdio: 'ignore', timeout: 60_000 }),
  };
}

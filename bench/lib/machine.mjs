/**
 * The machine: what it is, which core does what, and how much processor time a process has used.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

const pinnable = platform() === 'linux' && availableParallelism() > 1 && runs('taskset', ['--version']);

function runs(program, args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * A command line that keeps a program on one core: what is measured on the first, who measures on the last.
 *
 * @param {'server' | 'client' | undefined} role undefined: wherever the kernel puts it
 * @param {readonly string[]} command
 * @returns {string[]}
 */
export function pinned(role, command) {
  if (!pinnable || role === undefined) return [...command];
  return ['taskset', '-c', String(role === 'server' ? 0 : availableParallelism() - 1), ...command];
}

/** For the report. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    pinned: pinnable,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** @param {number} pid @returns {number | undefined} seconds of processor time so far, all threads; undefined off Linux */
export function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

/**
 * One gateway for all files of a run.
 *
 * @module
 */
import type { TestProject } from 'vitest/node';
import { type Gateway, gatewayUp } from './gateway.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the gateway is and its administrator's keys, or why there is none. */
    ceph: Pick<Gateway, 'url' | 'admin'> | { missing: string };
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const found = await gatewayUp();
  if ('missing' in found) {
    console.warn(`SKIPPED test/ceph: ${found.missing}`);
    project.provide('ceph', found);
    return () => undefined;
  }
  project.provide('ceph', { url: found.url, admin: found.admin });
  return () => found.down();
}

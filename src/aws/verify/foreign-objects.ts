/**
 * Foreign objects that are known to exist. A session that may not list gets AccessDenied for a missing object too, so a
 * refusal proves something only where somebody else can read the object.
 *
 * @module
 */
import { masked } from '../../lib/text/masked.ts';
import type { AwsKeys } from '../signed-request.ts';
import { getObject, listObjects, type Store } from './s3.ts';

export interface ForeignObjects {
  readonly objects: readonly {
    readonly key: string;
    /** How that is known. @example 'read by scraper-b' */
    readonly by: string;
  }[];
  /** Why none is known. */
  readonly why: string;
}

/** Another workload of the configuration, which reads in its own folder. */
export interface OtherWorkload {
  readonly name: string;
  /** Its folder in the bucket, ending in `/`. */
  readonly own: string;
  readonly getCredentials: () => Promise<AwsKeys>;
}

/** Asked one after the other until one reads an object; each may cost an exchange. */
const MOST = 3;

/** Never throws: an error of the other workloads is a reason in the result. */
export async function findForeignObjects(
  store: Store,
  find: () => Promise<readonly OtherWorkload[]>,
): Promise<ForeignObjects> {
  const whys: string[] = [];
  const others = await find().catch(error => {
    whys.push(firstLine(error));
    return [];
  });
  for (const { name, own, getCredentials } of others.slice(0, MOST)) {
    try {
      const keys = await getCredentials();
      const listed = await listObjects(store, keys, own);
      const [key] = listed.kind === 'listed' ? listed.keys.filter(k => k.startsWith(own) && !k.endsWith('/')) : [];
      if (key === undefined) {
        whys.push(`${name} ${listed.kind === 'listed' ? 'has none' : 'cannot list its folder'}`);
        continue;
      }
      const { kind } = await getObject(store, keys, key);
      if (kind === 'allowed') return { objects: [{ key, by: `read by ${name}` }], why: '' };
      whys.push(`${name} cannot read ${key}`);
    } catch (error) {
      whys.push(`no credentials for ${name}: ${firstLine(error)}`);
    }
  }
  const found = whys.length === 0 ? 'no other workload is configured' : whys.join(', ');
  return { objects: [], why: `none is known: ${found}; name one with --foreign-key` };
}

function firstLine(error: unknown): string {
  return masked(error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

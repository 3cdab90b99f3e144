/**
 * Foreign objects that are known to be there. Whoever may not list is told AccessDenied of an object that isn't there too,
 * so that being refused one proves nothing unless somebody else can read it.
 *
 * @module
 */
import { masked } from '../../lib/text/masked.ts';
import type { AwsKeys } from '../signed-request.ts';
import { getObject, listObjects, type Store } from './s3.ts';

export interface Known {
  readonly objects: readonly {
    readonly key: string;
    /** Who says that it is there. */
    readonly by: string;
  }[];
  /** Why none is known. */
  readonly why: string;
}

/** Another workload of the configuration, which reads in its own folder what the walk then must not. */
export interface Witness {
  readonly name: string;
  /** Its folder in the bucket, ending in `/`. */
  readonly own: string;
  readonly getCredentials: () => Promise<AwsKeys>;
}

/** Asked one after the other until one reads an object; each may cost an exchange. */
const MOST = 3;

/** Never throws: that nobody can be asked, the rest of the configuration being out of reach, is an answer too. */
export async function askWitnesses(store: Store, find: () => Promise<readonly Witness[]>): Promise<Known> {
  const whys: string[] = [];
  const witnesses = await find().catch(error => {
    whys.push(firstLine(error));
    return [];
  });
  for (const { name, own, getCredentials } of witnesses.slice(0, MOST)) {
    try {
      const keys = await getCredentials();
      const listed = await listObjects(store, keys, own);
      const [key] = listed.kind === 'listed' ? listed.keys.filter(k => k.startsWith(own) && !k.endsWith('/')) : [];
      if (key === undefined) {
        whys.push(`${name} ${listed.kind === 'listed' ? 'has none' : 'cannot list its folder'}`);
        continue;
      }
      const { kind } = await getObject(store, keys, key);
      if (kind === 'got') return { objects: [{ key, by: name }], why: '' };
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

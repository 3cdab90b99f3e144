/**
 * Buckets, objects and unfinished uploads, in memory.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { noSuchBucket, noSuchUpload, S3Error } from './errors.ts';

/** Bytes in all objects and parts together. */
const MAX_BYTES = 1024 ** 3;

/** Headers that S3 keeps with an object and gives back: `content-type`, `cache-control`, `x-amz-meta-*`, … */
export type StoredHeaders = Readonly<Record<string, string>>;

export interface StoredObject {
  readonly body: Buffer;
  /** With its quotes. */
  readonly etag: string;
  readonly headers: StoredHeaders;
  /** ms since the epoch, whole seconds. */
  readonly modifiedAt: number;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly headers: StoredHeaders;
  readonly startedAt: number;
  readonly parts: Map<number, StoredObject>;
}

export interface Bucket {
  readonly name: string;
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, Upload>;
}

export const md5 = (body: Uint8Array): Buffer => createHash('md5').update(body).digest();

export class Store {
  readonly #buckets = new Map<string, Bucket>();
  readonly #now: () => number;
  #bytes = 0;

  /** @param now ms since the epoch */
  constructor(names: readonly string[], now: () => number) {
    this.#now = now;
    for (const name of names) this.#buckets.set(name, { name, objects: new Map(), uploads: new Map() });
  }

  get buckets(): readonly Bucket[] {
    return [...this.#buckets.values()];
  }

  /** @throws S3Error `NoSuchBucket` */
  bucket(name: string): Bucket {
    const found = this.#buckets.get(name);
    if (found === undefined) throw noSuchBucket();
    return found;
  }

  put(bucket: Bucket, key: string, body: Buffer, headers: StoredHeaders, etag?: string): StoredObject {
    const object = this.#keep(body, headers, bucket.objects.get(key), etag);
    bucket.objects.set(key, object);
    return object;
  }

  delete(bucket: Bucket, key: string): void {
    this.#bytes -= bucket.objects.get(key)?.body.length ?? 0;
    bucket.objects.delete(key);
  }

  startUpload(bucket: Bucket, key: string, headers: StoredHeaders): Upload {
    const id = randomBytes(24).toString('base64url');
    const upload: Upload = { id, key, headers, startedAt: this.#seconds(), parts: new Map() };
    bucket.uploads.set(id, upload);
    return upload;
  }

  /** @throws S3Error `NoSuchUpload`, also for an upload of another key */
  upload(bucket: Bucket, key: string, id: string): Upload {
    const found = bucket.uploads.get(id);
    if (found === undefined || found.key !== key) throw noSuchUpload();
    return found;
  }

  putPart(upload: Upload, number: number, body: Buffer): StoredObject {
    const part = this.#keep(body, {}, upload.parts.get(number));
    upload.parts.set(number, part);
    return part;
  }

  /** Forgets an upload and its parts. */
  endUpload(bucket: Bucket, upload: Upload): void {
    for (const { body } of upload.parts.values()) this.#bytes -= body.length;
    bucket.uploads.delete(upload.id);
  }

  #keep(body: Buffer, headers: StoredHeaders, replaced?: StoredObject, etag?: string): StoredObject {
    const bytes = this.#bytes + body.length - (replaced?.body.length ?? 0);
    if (bytes > MAX_BYTES) throw new S3Error('EntityTooLarge', `The emulator keeps ${MAX_BYTES} bytes in all.`);
    this.#bytes = bytes;
    return Object.freeze({
      body,
      headers,
      etag: etag ?? `"${md5(body).toString('hex')}"`,
      modifiedAt: this.#seconds(),
    });
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000) * 1000;
  }
}

/**
 * A connection to PostgreSQL, and its failures as ours.
 *
 * @module
 */
import pg from 'pg';
import { StoreError } from '../store.ts';

const BIGINT = 20;
/** How long a connection may take, login included; ms. */
const CONNECT_MS = 3_000;

/** pg can do this; its types don't say so. */
export type Client = pg.Client & { ref(): void; unref(): void };

/**
 * Connects. 64-bit integers come as numbers, since no column holds larger ones than JavaScript does.
 *
 * @param options.deadline how long the server may take for one statement; ms. After it the connection is closed
 * @throws StoreError
 */
export async function connect(
  url: string,
  { deadline, onEnd = () => {} }: { deadline: number; onEnd?: (ended: Client) => void },
): Promise<Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: deadline,
    keepAlive: true,
    application_name: 'walletcreds',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  }) as Client;
  // Without a listener a connection that breaks while idle would end the process.
  client.on('error', () => onEnd(client));
  client.on('end', () => onEnd(client));
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw postgresError(error, url);
  }
}

/** Classes that another try can't help: access denied, no such database, syntax or missing privilege, a read-only server. */
const LASTING = /^(UNUSABLE|28|3D|42|0A|25006)/;

/** @param url only its host and database are told */
export function postgresError(error: unknown, url: string): StoreError {
  if (error instanceof StoreError) return error;
  const given = (error as { code?: unknown }).code;
  const code = typeof given === 'string' ? given : 'POSTGRES';
  const message = error instanceof Error && error.message !== '' ? error.message : code;
  return new StoreError(code, `audit database ${placeOf(url)}: ${message}`, !LASTING.test(code), { cause: error });
}

/** Host, port and database of a connection URL: never its user or password. */
export function placeOf(url: string): string {
  try {
    const { host, pathname, searchParams } = new URL(url);
    return `postgres://${host || searchParams.get('host') || ''}${pathname}`;
  } catch {
    return 'postgres';
  }
}

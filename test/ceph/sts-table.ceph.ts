/**
 * The table of requests, asked of Ceph and, over a port as well, of the emulator. The same issuer stands behind both.
 *
 * @module
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type RunningStsEmulator, startStsEmulator } from '../../src/emulator/index.ts';
import { OutboundError, request } from '../../src/lib/http-client.ts';
import { createAccount } from './ceph-account.ts';
import { type Distant, distant } from './distant.ts';
import { type Answer, TABLE, taken } from './sts-table.ts';
import { answerOf, createWorld, type RoleName, requestOf, roleName, type World } from './sts-world.ts';

const gateway = inject('ceph');
const missing = 'missing' in gateway ? gateway.missing : '';
const ACCOUNT = '123456789012';

let issuer: Server;
let seen: Distant;
let ceph: World;
let account: World;
let sts: RunningStsEmulator;

beforeAll(async () => {
  if ('missing' in gateway) return;
  let documents: World['documents'] = {};
  issuer = createServer((asked, response) => {
    const document = documents[asked.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>(resolve => issuer.listen(0, '127.0.0.1', resolve));
  const { port } = issuer.address() as AddressInfo;
  seen = await distant(() => port);
  const { url } = seen;
  ceph = await createWorld('', url);
  account = ceph.inAccount(ACCOUNT);
  documents = ceph.documents;
  await createAccount(gateway, ceph);
  sts = await startStsEmulator({
    accountId: ACCOUNT,
    issuers: [{ issuer: url, audiences: account.audiences }],
    roles: Object.entries(account.roles).map(([name, trustPolicy]) => {
      return { name: roleName(name as RoleName), trustPolicy, maxSessionDuration: account.maxSessionDuration };
    }),
  });
});

afterAll(async () => {
  await sts?.close();
  seen?.close();
  issuer?.close();
});

beforeEach(context => context.skip('missing' in gateway, missing));

type Row = (typeof TABLE)[number]['rows'][number];

/** @throws Error that says which of the two was silent */
async function ask(who: 'the emulator' | 'Ceph', url: string, world: World, row: Row): Promise<Answer> {
  const { path, ...rest } = await requestOf(world, row.ask);
  const answer = await request({ url: url + path, ...rest, timeoutMs: 10_000 }).catch(cause => {
    throw new Error(`${who}: ${cause.message}`, { cause });
  });
  return answerOf(answer.status, answer.body);
}

/**
 * Ceph alone may lose a request (distant.ts says why) and is asked up to three times: who was lost never is answered, and
 * those after it are within milliseconds. The emulator gets one try.
 */
async function askCeph(url: string, row: Row, tries = 3): Promise<Answer> {
  try {
    return await ask('Ceph', url, ceph, row);
  } catch (error) {
    const { cause } = error as Error;
    if (tries === 1 || !(cause instanceof OutboundError && cause.code === 'TimedOut')) throw error;
    console.warn(`${row.name}: ${(error as Error).message}; asking again`);
    return askCeph(url, row, tries - 1);
  }
}

describe.each(TABLE.map(({ title, rows }) => [title, rows] as const))('%s', (_, rows) => {
  test.each(rows.map(row => [row.name, row] as const))('%s', async (_, row) => {
    if ('missing' in gateway) return;
    expect({
      emulator: await ask('the emulator', sts.url, account, row),
      ceph: await askCeph(gateway.url, row),
    }).toEqual({ emulator: row.emulator, ceph: row.ceph });
  });
});

test('what Ceph refuses, the emulator refuses too, but for what AWS is documented to take', () => {
  const laxer = TABLE.flatMap(({ rows }) => rows).filter(row => taken(row.emulator) && !taken(row.ceph));
  expect(laxer.every(({ because }) => because?.startsWith('AWS'))).toBe(true);
});

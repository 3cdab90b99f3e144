import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { auditExport } from '../../src/cli/commands/audit/export.ts';
import { auditHeads } from '../../src/cli/commands/audit/heads.ts';
import { auditList } from '../../src/cli/commands/audit/list.ts';
import { auditPrune } from '../../src/cli/commands/audit/prune.ts';
import { auditVerify } from '../../src/cli/commands/audit/verify.ts';
import { table } from '../../src/cli/output/table.ts';
import { UsageError } from '../../src/lib/errors.ts';
import { inert } from '../../src/lib/text/inert.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import {
  aFolder,
  anAuditLog,
  anOldDatabase,
  aRejection,
  aVend,
  open,
  recordsIn,
  scraper,
  WALLET,
} from '../audit/support.ts';

const NOW = Date.UTC(2026, 0, 31);
const day = (n: number) => Date.UTC(2026, 0, n) / 1000;
const OTHER = parseWallet(`0x${'1'.repeat(40)}`);

/** Runs a command on a database and returns what it printed. */
async function run<F extends object>(
  action: (command: F) => Promise<number>,
  path: string,
  flags: Omit<F, 'config' | 'out' | 'err'>,
) {
  const out: string[] = [];
  const err: string[] = [];
  const command = { config: { kind: 'sqlite', path }, now: NOW, width: 200, ...flags };
  const status = await action({
    ...command,
    out: (l: string) => out.push(l),
    err: (l: string) => err.push(l),
  } as never);
  return { status, out, err, text: out.join('\n'), json: () => JSON.parse(out.join('\n')) };
}

async function aLogOfAMonth(): Promise<string> {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend({ at: day(1) * 1000 }));
  await auditLog.append(
    aVend({
      at: day(10) * 1000,
      via: 'mint-aws-creds',
      requester: { kind: 'token', tokenHash: 'ef'.repeat(32) },
      count: 3,
    }),
  );
  await auditLog.append(
    aVend({ at: day(29) * 1000, via: 'mint-aws-creds', requester: { kind: 'token', tokenHash: 'ef'.repeat(32) } }),
  );
  await auditLog.append(aVend({ at: day(30) * 1000, workload: { ...scraper, name: 'scraper-b', wallet: OTHER } }));
  await auditLog.append(aRejection({ at: day(30) * 1000 }));
  await auditLog.close();
  return path;
}

const ids = (records: { id: number }[]) => records.map(record => record.id);

test('list shows the latest first, with its filters one by one and together', async () => {
  const path = await aLogOfAMonth();
  const list = async (flags: object) => ids((await run(auditList, path, { json: true, ...flags })).json());
  expect(await list({})).toEqual([5, 4, 3, 2, 1]);
  expect(await list({ wallet: OTHER })).toEqual([4]);
  expect(await list({ wallet: WALLET.toUpperCase().replace('0X', '0x') })).toEqual([3, 2, 1]);
  expect(await list({ wallet: 'unknown' })).toEqual([5]);
  expect(await list({ workload: 'scraper-b' })).toEqual([4]);
  expect(await list({ outcome: 'auth_failed' })).toEqual([5]);
  expect(await list({ via: 'mint-aws-creds' })).toEqual([3, 2]);
  expect(await list({ since: '7d' })).toEqual([5, 4, 3]);
  expect(await list({ since: '2026-01-10' })).toEqual([5, 4, 3, 2]);
  expect(await list({ via: 'mint-aws-creds', since: '7d' })).toEqual([3]);
  expect(await list({ limit: '2' })).toEqual([5, 4]);
});

test('list --callers says who asked, how often and when last', async () => {
  const path = await aLogOfAMonth();
  const { json } = await run(auditList, path, { callers: true, via: 'mint-aws-creds', json: true });
  expect(json()).toEqual([
    {
      requester_token_hash: 'ef'.repeat(32),
      requester_wallet: WALLET,
      workload: 'scraper-a',
      via: 'mint-aws-creds',
      count: 4,
      last_seen: day(29),
    },
  ]);
  const { out } = await run(auditList, path, { callers: true, via: 'mint-aws-creds', since: '7d' });
  expect(out[0]).toMatch(/^CALLER +WALLET +WORKLOAD +VIA +COUNT +LAST SEEN$/);
  expect(out[1]).toMatch(/^efefefefefef +0x5290.* scraper-a +mint-aws-creds +1 +2026-01-29T00:00:00Z$/);
});

test.each([40, 60, 80, 100, 120, 200])(
  'the table fits a terminal of %i columns, and the outcome is always there',
  async width => {
    const path = await aLogOfAMonth();
    const { out } = await run(auditList, path, { width });
    expect(out).toHaveLength(6);
    for (const line of out) expect(line.length).toBeLessThanOrEqual(width);
    expect(out[0]).toMatch(/OUTCOME/);
    if (width >= 80) expect(out[1]).toMatch(/unknown/);
  },
);

test('text from callers in a record does nothing to the terminal, in a table, in JSON, in CSV', async () => {
  const { auditLog, path } = await anAuditLog();
  const evil = '\u001b]0;owned\u0007\u009b31m\u202egnp.exe\nnext\r';
  await auditLog.append(aVend({ workload: { ...scraper, name: evil } }));
  await auditLog.close();
  const texts = [
    (await run(auditList, path, {})).text,
    (await run(auditList, path, { json: true })).text,
    (await run(auditExport, path, {})).text,
    (await run(auditExport, path, { format: 'csv' })).text,
  ];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const text of texts) expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(texts.map(text => text.split('\n').length).slice(2)).toEqual([1, 2]);
  expect(JSON.parse(texts[2] ?? '').workload).toBe(evil);
});

test('a spreadsheet takes no field of the CSV for a formula', async () => {
  const { auditLog, path } = await anAuditLog();
  for (const detail of ['=HYPERLINK("http://x")', '+1', '-1', '@SUM(A1)', ' =1', 'a,"b"', 'plain'])
    await auditLog.append(aRejection({ detail }));
  await auditLog.close();
  const { out } = await run(auditExport, path, { format: 'csv' });
  expect(out[0]).toMatch(/^id,minted_at,requester_token_hash,.*,prev_hash,hash$/);
  expect(out.slice(1).map(line => line.split(',auth_failed,')[1]?.split(',endpoint,')[0])).toEqual([
    `"'=HYPERLINK(""http://x"")"`,
    `"'+1"`,
    `"'-1"`,
    `"'@SUM(A1)"`,
    `"' =1"`,
    '"a,""b"""',
    'plain',
  ]);
});

test('export gives every record, oldest first, as lines of JSON', async () => {
  const path = await aLogOfAMonth();
  const { out } = await run(auditExport, path, {});
  expect(out.map(line => JSON.parse(line))).toEqual(recordsIn(path));
  expect((await run(auditExport, path, { since: '7d', format: 'csv' })).out).toHaveLength(4);
  await expect(run(auditExport, path, { format: 'xml' })).rejects.toThrow(/--format xml: write jsonl or csv/);
});

test('verify says what is wrong and exits 1; heads that were kept find a cut tail', async () => {
  const path = await aLogOfAMonth();
  const heads = join(dirname(path), 'heads.txt');
  for (const json of [true, false]) {
    const printed = await run(auditHeads, path, { json });
    expect(printed.out).toHaveLength(1);
    writeFileSync(heads, printed.text);
    expect(await run(auditVerify, path, { heads })).toMatchObject({
      status: 0,
      text: expect.stringMatching(/1 heads were compared/),
    });
  }
  const plain = await run(auditVerify, path, {});
  expect(plain).toMatchObject({ status: 0 });
  expect(plain.text).toMatch(/5 records in 1 chains: intact\n.*could have been cut off/);
  const db = open(path);
  const [trigger] = db.prepare("SELECT sql FROM sqlite_master WHERE name = 'mint_log_no_delete'").all() as {
    sql: string;
  }[];
  db.exec(`DROP TRIGGER mint_log_no_delete; DELETE FROM mint_log WHERE id = 5; ${trigger?.sql}`);
  expect((await run(auditVerify, path, {})).status).toBe(0);
  const cut = await run(auditVerify, path, { heads, json: true });
  expect(cut.status).toBe(1);
  expect(cut.json()).toMatchObject({
    intact: false,
    findings: [{ code: 'audit-cut', seq: 5, fix: expect.stringMatching(/evidence/) }],
  });
  db.exec("DROP TRIGGER mint_log_no_update; UPDATE mint_log SET outcome = 'x' WHERE id = 2");
  const edited = await run(auditVerify, path, {});
  expect(edited.text).toMatch(/^Fix of audit-edited: Keep .*symptoms\.md#audit-edited$/m);
  expect(edited).toMatchObject({
    status: 1,
    text: expect.stringMatching(/^record id 2, writer [0-9a-f]{16}, number 2: edited/m),
  });
});

test('a file of heads without a head in it is an error', async () => {
  const path = await aLogOfAMonth();
  const heads = join(dirname(path), 'heads.txt');
  writeFileSync(heads, 'nothing\n');
  await expect(run(auditVerify, path, { heads })).rejects.toThrow(/no head in it/);
  await expect(run(auditVerify, path, { heads: `${heads}.none` })).rejects.toThrow(/ENOENT/);
});

test('prune without --yes only says what it would do', async () => {
  const path = await aLogOfAMonth();
  const dry = await run(auditPrune, path, { before: '7d' });
  expect(dry).toMatchObject({ status: 0, err: [expect.stringMatching(/--yes/)] });
  expect(dry.text).toMatch(/2 records of 1 chains before 2026-01-24T00:00:00Z would be pruned/);
  expect(recordsIn(path)).toHaveLength(5);
  const done = await run(auditPrune, path, { before: '7d', yes: true, json: true });
  expect(done.json()).toMatchObject({ pruned: true, records: 2 });
  expect(recordsIn(path)).toHaveLength(4);
  expect((await run(auditVerify, path, {})).status).toBe(0);
});

test('everything reads while a process writes', async () => {
  const { auditLog, path } = await anAuditLog();
  await auditLog.append(aVend());
  expect((await run(auditList, path, { json: true })).json()).toHaveLength(1);
  expect((await run(auditVerify, path, {})).status).toBe(0);
  await auditLog.append(aVend());
  expect((await run(auditHeads, path, { json: true })).json()).toMatchObject({ seq: 2 });
});

test('an old broker’s database is listed and exported byte for byte as it was, and not migrated', async () => {
  const path = join(aFolder(), 'old.sqlite');
  anOldDatabase(path, 3);
  const before = readFileSync(path);
  expect((await run(auditList, path, { json: true })).json()).toMatchObject([
    { id: 3, via: null, count: 1 },
    { id: 2 },
    { id: 1 },
  ]);
  expect((await run(auditList, path, { callers: true })).out).toHaveLength(2);
  expect((await run(auditExport, path, { format: 'csv' })).out).toHaveLength(4);
  expect((await run(auditHeads, path, {})).out).toEqual([]);
  expect((await run(auditVerify, path, {})).status).toBe(1);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test.each([
  ['a wallet that is none', { wallet: '0x12' }, /--wallet: .*40 hexadecimal digits/],
  ['a since that is no time', { since: 'yesterday' }, /--since yesterday: write how long ago/],
  ['a limit that is no number', { limit: 'many' }, /--limit many/],
])('%s is an error that names the flag and the fix', async (_, flags, message) => {
  const path = await aLogOfAMonth();
  await expect(run(auditList, path, flags)).rejects.toThrow(message);
});

test('a database that is not there, and one that is no audit log, are errors that name the path', async () => {
  const folder = aFolder();
  await expect(run(auditList, join(folder, 'none'), {})).rejects.toThrow(/none: no such file/);
  open(join(folder, 'x')).exec('CREATE TABLE x (y)');
  await expect(run(auditList, join(folder, 'x'), {})).rejects.toThrow(/no table mint_log/);
  const list = auditList({ config: { kind: 'stdout' }, out: () => {}, err: () => {} });
  await expect(list).rejects.toThrow(/audit.database is stdout/);
});

test('the table leaves out what can be spared before it cuts what can not', () => {
  const columns = [
    { title: 'A', value: (record: string[]) => record[0] ?? '' },
    { title: 'B', value: (record: string[]) => record[1] ?? '', min: 5, cut: 'middle' as const },
    { title: 'C', value: (record: string[]) => record[2] ?? '', spare: 1 },
  ];
  const records = [['key', '0123456789', 'spare']];
  expect(table(records, columns, 100)[1]).toBe('key  0123456789  spare');
  expect(table(records, columns, 18)[1]).toBe('key  012…89  spare');
  expect(table(records, columns, 12)[1]).toBe('key  0123…89');
  expect(inert('a\u001b[0m')).toBe('a\\u{1b}[0m');
});

test('an export whose reader stalls holds nothing: the write-ahead log can be emptied meanwhile', async () => {
  const path = await aLogOfAMonth();
  const writer = open(path);
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE other (n)');
  const busy: unknown[] = [];
  const out = () => {
    writer.exec('INSERT INTO other VALUES (1)');
    busy.push(writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all());
  };
  expect(await auditExport({ config: { kind: 'sqlite', path }, out, err: () => {} })).toBe(0);
  expect(busy.length).toBeGreaterThan(4);
  expect(busy).toEqual(busy.map(() => [expect.objectContaining({ busy: 0 })]));
});

test('a `via` that does not exist is an error of the command line, which names those that do', async () => {
  const path = await aLogOfAMonth();
  await expect(run(auditList, path, { via: 'bogus' })).rejects.toThrow(/--via bogus: write one of endpoint, /);
  await expect(run(auditList, path, { via: 'bogus' })).rejects.toThrow(UsageError);
});

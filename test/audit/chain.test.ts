import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical, emptyHead, GENESIS, hashOf, link, newWriter } from '../../src/audit/chain.ts';
import { COLUMNS, normalised, type StoredRecord } from '../../src/audit/columns.ts';
import { aRecord } from './support.ts';

const linked = () =>
  link(emptyHead('0123456789abcdef'), [aRecord(), aRecord({ outcome_detail: 'é"\n' })], n => n + 1) as [
    StoredRecord,
    StoredRecord,
  ];

test('the canonical form is the JSON array that an auditor can write down by hand', () => {
  const [first, second] = linked();
  expect(canonical(first)).toBe(
    '["walletcreds/mint_log/1",1,1767225600,"abababababababababababababababababababababababababababababababab",' +
      '"0x52908400098527886e0f7030069857d2e4169ee7","data-role-via-jwt",3600,"0x52908400098527886e0f7030069857d2e4169ee7@scraper-a",' +
      '"ok",null,"endpoint","fetched","arn:aws:iam::123456789012:role/agentkeys-data-role","scraper-a","token","ASIAEXAMPLE",1767229200,' +
      `"00000000-0000-0000-0000-000000000000",1,"0123456789abcdef",1,"${GENESIS}"]`,
  );
  expect(first.hash).toBe(createHash('sha256').update(canonical(first), 'utf8').digest('hex'));
  expect(canonical(second)).toContain('"é\\"\\n"');
});

test('the form and the hash are what they were when the first audit log was written', () => {
  // A change here makes every audit log that exists look edited: it needs a new version of the form.
  expect(linked().map(record => record.hash)).toMatchInlineSnapshot(`
    [
      "f4f911657764ed76c3529fe875ebd02dbb7b6176ea3f1c8f22325405fcc22d63",
      "9b8be4da15c6604136612afd05ebcd7185cac43e9058bb3335f0098bfce44de0",
    ]
  `);
});

test('a chain starts at 64 zeros, and each record holds the hash of the one before', () => {
  const [first, second] = linked();
  expect([first.seq, first.prev_hash, second.seq, second.prev_hash]).toEqual([1, GENESIS, 2, first.hash]);
});

test('a change of any column, to any value, changes the hash', () => {
  const [record] = linked();
  const change = fc.record({
    column: fc.constantFrom(...COLUMNS.slice(0, -1)),
    value: fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
  });
  fc.assert(
    fc.property(change, ({ column, value }) => {
      fc.pre(record[column] !== value);
      expect(hashOf({ ...record, [column]: value })).not.toBe(record.hash);
    }),
  );
});

test('no text can be moved from one column to the next without a change of the hash', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const [record] = linked();
      const one = hashOf({ ...record, role_arn: a, workload: b });
      expect(hashOf({ ...record, role_arn: `${a}${b}`, workload: '' }) === one).toBe(b === '');
      expect(hashOf({ ...record, role_arn: null, workload: b })).not.toBe(one);
    }),
  );
});

test('a normalised record is left alone by a second pass, whatever was in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.double(), (text, number) => {
      const once = normalised(
        aRecord({ outcome_detail: text, sts_session_name: text, credentials_expiration: number }),
      );
      expect(normalised(once)).toEqual(once);
      expect(Number.isInteger(once.credentials_expiration)).toBe(true);
      expect(Buffer.from(once.sts_session_name, 'utf8').toString('utf8')).toBe(once.sts_session_name);
    }),
  );
});

test('writers are random', () => {
  expect(new Set(Array.from({ length: 100 }, newWriter)).size).toBe(100);
});

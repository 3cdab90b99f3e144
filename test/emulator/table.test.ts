/**
 * The emulator's half of the table, and the table's own form. Ceph's half is asked by `npm run test:ceph`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createStsEmulator } from '../../src/emulator/index.ts';
import { renderTable, unlinked } from '../ceph/render-table.ts';
import { TABLE } from '../ceph/sts-table.ts';
import { answerOf, createWorld, type RoleName, requestOf, roleName } from '../ceph/sts-world.ts';
import { ACCOUNT, ISSUER } from './support.ts';

const world = await createWorld(ACCOUNT, ISSUER);
const { issuer, audiences, maxSessionDuration } = world;
const sts = createStsEmulator({
  accountId: ACCOUNT,
  issuers: [{ issuer, audiences }],
  roles: Object.entries(world.roles).map(([name, trustPolicy]) => {
    return { name: roleName(name as RoleName), trustPolicy, maxSessionDuration };
  }),
  fetchIssuer: async url => Response.json(world.documents[url.slice(issuer.length)]),
});

describe.each(TABLE.map(({ title, rows }) => [title, rows] as const))(
  '%s: the emulator answers as AWS documents it',
  (_, rows) => {
    it.each(rows.map(row => [row.name, row] as const))('%s', async (_, { ask, emulator }) => {
      const { path, body, ...init } = await requestOf(world, ask);
      // As bytes: a text brings a Content-Type of its own.
      const bytes = body === undefined ? {} : { body: new TextEncoder().encode(body) };
      const response = await sts.app.request(`http://sts${path}`, { ...init, ...bytes });
      const xml = await response.text();
      expect(answerOf(response.status, xml), xml).toEqual(emulator);
      if (emulator.code !== undefined) expect(xml).toMatch(/^<ErrorResponse xmlns="https:\/\/sts\.amazonaws\.com\//);
    });
  },
);

describe('the table', () => {
  const rows = TABLE.flatMap(({ rows }) => rows);
  it('asks each thing once', () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  it.each(rows.map(row => [row.name, row] as const))('says why Ceph differs, and only then: %s', (_, row) => {
    const same = row.emulator.status === row.ceph.status && row.emulator.code === row.ceph.code;
    if (same) expect(row.because).toBeUndefined();
    else expect(row.because).toMatch(/^AWS.*\[.+\]/);
    expect(unlinked(row.because ?? '')).toEqual([]);
  });

  it('stands in docs/emulator.md as it is here (vitest -u writes it there)', async () => {
    const path = new URL('../../docs/emulator.md', import.meta.url);
    const marker =
      '<!-- From here on written by test/emulator/table.test.ts: npx vitest run test/emulator/table.test.ts -u -->\n';
    const [prose] = readFileSync(path, 'utf8').split(marker);
    await expect(`${prose}${marker}\n${renderTable()}`).toMatchFileSnapshot(path.pathname);
  });
});

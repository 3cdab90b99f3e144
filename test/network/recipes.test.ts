/**
 * The recipes for docker-compose: valid by the Compose Specification, taken by docker-compose, and hardened.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { because, debian } from '../support/clients.ts';
import { root } from '../support/process.ts';
import { type ComposeFile, type Copied, copyRecipes, RECIPES } from './compose-file.ts';
import { composeSchema } from './compose-schema.ts';

const compose = debian('docker-compose');

let copied: Copied;
beforeAll(() => {
  if (compose === undefined) copied = copyRecipes();
});
afterAll(() => copied?.remove());

const schema = await composeSchema();

describe.skipIf(because('missing' in schema ? schema.missing : undefined))('the Compose Specification', () => {
  const findings = (text: string) => ('findings' in schema ? schema.findings(text) : ['']);

  test.each(RECIPES)('finds nothing wrong in %s', recipe => {
    expect(findings(readFileSync(join(root, recipe), 'utf8'))).toEqual([]);
  });

  test.each([
    ['a misspelt key', 'cap_drop:', 'capdrop:'],
    ['a condition that there isn’t', 'service_healthy', 'service_ready'],
    ['a list where a map stands', 'ulimits: { core: 0 }', 'ulimits: [core]'],
  ])('would find %s', (_, good, bad) => {
    const text = readFileSync(join(root, RECIPES[0] ?? ''), 'utf8');
    expect(text).toContain(good);
    expect(findings(text.replace(good, bad))).not.toEqual([]);
  });
});

describe.skipIf(because(compose)).each(RECIPES)('%s', recipe => {
  let file: ComposeFile;
  beforeAll(() => {
    file = copied.resolve(recipe);
  });

  test('is taken by docker-compose', () => {
    expect(Object.keys(file.services).length).toBeGreaterThan(1);
  });

  test('gives every service a read-only root, no capability, no new privileges, no core dump, a uid of its own', () => {
    for (const [name, service] of Object.entries(file.services)) {
      expect({ name, ...service }).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        ulimits: { core: 0 },
        user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
      });
      for (const key of ['cap_add', 'privileged', 'pid', 'ipc', 'ports']) expect(service).not.toHaveProperty(key);
    }
    const own = Object.entries(file.services).filter(([name]) => name.startsWith('walletcreds'));
    const others = Object.entries(file.services).filter(([name]) => !name.startsWith('walletcreds'));
    expect(own.map(([, { user }]) => user).filter(user => others.some(([, other]) => other.user === user))).toEqual([]);
  });

  test('has a shared namespace owned by a service that never restarts, and follows that one', () => {
    const text = parse(readFileSync(join(root, recipe), 'utf8'), { merge: true }) as ComposeFile;
    for (const [name, service] of Object.entries(text.services)) {
      if (name.startsWith('walletcreds')) expect(service.restart).toBe('on-failure:5');
      const owner = service.network_mode?.replace('service:', '');
      if (owner === undefined) continue;
      expect(text.services[owner]).not.toHaveProperty('restart');
      expect(service.depends_on?.[owner]).toEqual({ condition: 'service_started', restart: true });
      expect(owner).toMatch(/^namespace/);
    }
  });

  test('starts an app only once its credentials are there, and hands it no secret in the file', () => {
    for (const [name, service] of Object.entries(file.services)) {
      if (name.startsWith('walletcreds') || name.startsWith('namespace')) continue;
      const healthy = Object.entries(service.depends_on ?? {}).filter(
        ([, { condition }]) => condition === 'service_healthy',
      );
      expect(healthy).toEqual([[expect.stringMatching(/^walletcreds/), { condition: 'service_healthy' }]]);
      expect(
        Object.keys(service.environment ?? {}).filter(key =>
          /^AWS_(ACCESS|SECRET|SESSION|CONTAINER_AUTHORIZATION_TOKEN$)/.test(key),
        ),
      ).toEqual([]);
      expect(service.volumes?.filter(volume => !volume.endsWith(':ro')) ?? []).toEqual([]);
    }
    expect(Object.values(file.volumes ?? {}).map(volume => volume?.driver_opts?.type)).not.toContain(undefined);
  });
});

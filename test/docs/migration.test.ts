import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { read } from '../support/repository.ts';
import { runCommand } from '../support/serve-process.ts';

const guide = read('docs/migration.md');
const blocks = [...guide.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```/gm)].map(([, language, text]) => ({ language, text }));

it('its broker’s configuration starts unchanged', async () => {
  const text = blocks.find(block => block.language === 'yaml' && block.text?.startsWith('region:'))?.text ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-guide-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'state'));
  const file = join(folder, 'walletcreds.yaml');
  writeFileSync(file, text.replace('/var/lib/walletcreds', 'state'));
  const config = await loadConfig(file, { env: {} });
  expect(config.broker).toMatchObject({ mintAwsCreds: true, listen: [{ host: '127.0.0.1', port: 8091 }] });
  expect(config.callers.jwt).toHaveLength(1);
  expect(config.endpoint.listen).toEqual([]);
});

it('its configuration for verify is whole, and has the role and the issuer of the broker’s', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-guide-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'verify.yaml');
  writeFileSync(file, blocks.find(({ text }) => text?.startsWith('# verify.yaml'))?.text ?? '');
  const config = await loadConfig(file, { env: {}, only: { workload: 'caller', for: 'endpoint' } });
  const { identityToken, role } = config.workloads.get('caller')?.workload ?? {};
  expect(identityToken).toMatchObject({ kind: 'signer', issuer: 'https://oidc.example.com' });
  expect(role?.arn).toBe('arn:aws:iam::123456789012:role/agentkeys-data-role');
});

it('every command and flag in it is one that the program has', async () => {
  const lines = guide.replaceAll('\\\n', ' ').matchAll(/walletcreds ([a-z-]+(?: [a-z]+)?)((?: [^`\n#]*)?)/g);
  const used = new Map<string, Set<string>>();
  for (const [, said = '', rest = ''] of lines) {
    const words = said.split(' ');
    const name = ['audit', 'keys'].includes(words[0] ?? '') ? words.slice(0, 2).join(' ') : (words[0] ?? '');
    const flags = used.get(name) ?? new Set();
    for (const [flag] of rest.split(' -- ')[0]?.matchAll(/--[a-z-]+/g) ?? []) flags.add(flag);
    used.set(name, flags);
  }
  const commands = [...used].filter(([name]) =>
    /^(init|aws-setup|doctor|serve|verify|env|exec|credentials|audit \w+)$/.test(name),
  );
  expect(commands.length).toBeGreaterThan(7);
  await Promise.all(
    commands.map(async ([name, flags]) => {
      const { stdout, code } = await runCommand([...name.split(' '), '--help'], tmpdir());
      expect([name, code]).toEqual([name, 0]);
      for (const flag of flags) expect(`${name}: ${stdout}`).toContain(flag);
    }),
  );
});

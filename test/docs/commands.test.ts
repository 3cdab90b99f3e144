import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { files, read } from '../support/repository.ts';
import { runCommand } from '../support/serve-process.ts';

const PAGES = ['README.md', 'SECURITY.md', ...files('docs', '.md')];

/** What stands as code on a page: fenced, or in backticks; a line that is broken by a backslash is one. */
function code(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, '');
  const fenced = [...joined.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...joined.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...fenced, ...spans];
}

/** Fixes name commands in running text, too: `walletcreds keys jwks --out DIR`. */
const prose = (text: string) => text.split('\n').filter(line => line.startsWith('**Fix.**'));

it('every walletcreds command on the pages is one that the program has, with these flags', async () => {
  const used = new Map<string, Set<string>>();
  for (const page of PAGES) {
    const text = read(page);
    for (const line of [...code(text), ...prose(text)]) {
      for (const [, name = '', rest = ''] of line.matchAll(
        /(?<!-n |exec |-T |[/=])walletcreds ((?:keys |audit )?[a-z][a-z-]*)((?: (?!or |and )[^ #;,`(]+)*)/g,
      )) {
        // The program's own help, which has no help of its own.
        if (name === 'help') continue;
        const flags = used.get(name) ?? new Set();
        for (const [flag] of rest.matchAll(/--[a-z][a-z-]*/g)) flags.add(flag);
        used.set(name, flags);
      }
    }
  }
  expect([...used.keys()].sort()).toEqual(
    expect.arrayContaining(['aws-setup', 'doctor', 'keys generate', 'keys jwks', 'keys revoke', 'serve', 'verify']),
  );
  await Promise.all(
    [...used].map(async ([name, flags]) => {
      const { stdout, code } = await runCommand([...name.split(' '), '--help'], tmpdir());
      expect([name, code]).toEqual([name, 0]);
      expect(stdout).toContain(`Usage: walletcreds ${name}`);
      for (const flag of flags) expect(`${name}: ${stdout}`).toContain(flag);
    }),
  );
});

it('the guide for Ceph yields a script that runs unchanged: key, configuration, aws-setup', async () => {
  const guide = read('docs/ceph.md');
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-guide-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const commands = code(guide);
  const run = async (start: string) => {
    const line = commands.find(command => command.startsWith(start)) ?? `${start}: not in the guide`;
    return runCommand(line.replace(/ >.*$/, '').split(' ').slice(1), folder);
  };
  expect(await run('walletcreds keys generate')).toMatchObject({ code: 0 });
  const yaml = /^```yaml\n([\s\S]*?)^```/m.exec(guide)?.[1] ?? '';
  writeFileSync(join(folder, 'walletcreds.yaml'), yaml);
  const { stdout, stderr, code: status } = await run('walletcreds aws-setup');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('CEPH=${CEPH:-http://127.0.0.1:7480}');
  expect(stdout).toContain('0x52908400098527886e0f7030069857d2e4169ee7');
  writeFileSync(join(folder, 'setup.sh'), stdout);
  execFileSync('sh', ['-n', join(folder, 'setup.sh')]);
});

/**
 * Long configurations: they cost time in proportion to their length, in slices between which requests are answered.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Composer, Parser } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { inSlices } from '../../src/lib/slices.ts';
import { configFolder } from '../support/config-folder.ts';

const HEAD = `region: us-east-1
role_arn: arn:aws:iam::123456789012:role/data
identity_token: { signer: { issuer: https://oidc.example.com } }
`;

async function problemsOf(text: string) {
  const { write } = configFolder();
  const error = await loadConfig(write('walletcreds.yaml', text), { env: {}, purpose: 'inspect' }).catch(e => e);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems;
}

const many = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('');

function workloads(count: number, extra = ''): string {
  const one = (i: number) => `  w${i}:\n    wallet: "0x${i.toString(16).padStart(40, '0')}"\n${extra}`;
  return `${HEAD}workloads:\n${many(count, one)}`;
}

describe('a long configuration', () => {
  it('with 8,000 unknown keys is validated in a second, and each key has its line', { timeout: 20_000 }, async () => {
    const text = HEAD + many(8_000, i => `unknown_${i}: 1\n`);
    const before = process.cpuUsage();
    const problems = await problemsOf(text);
    const { user } = process.cpuUsage(before);
    // The processor's time, which other processes don't stretch: it takes under a second; a quadratic algorithm took ten.
    expect(user / 1e6).toBeLessThan(4);
    expect(problems.filter(({ message }) => message.startsWith('unknown key; '))).toHaveLength(8_000);
    expect(problems.at(-1)).toMatchObject({ line: 8_003, column: 1, key: 'unknown_7999' });
  });

  it('with 2,000 workloads of one mistake each names all of them', async () => {
    const problems = await problemsOf(workloads(2_000, '    tokn_file: x\n'));
    expect(problems).toHaveLength(2_000);
    expect(problems.at(-1)).toMatchObject({
      line: 6_004,
      key: 'workloads.w1999.tokn_file',
      message: 'unknown key; did you mean "token_file"?',
    });
  });

  it('with 2,000 subjects of unknown workloads has messages of a bounded length', async () => {
    const subjects = many(2_000, i => `        s${i}: nobody-${i}\n`);
    const caller = `callers:\n  jwt:\n    - issuer: https://i.example.com\n      audience: a\n      listeners: [endpoint]\n      subjects:\n`;
    const problems = await problemsOf(`${workloads(2_000)}${caller}${subjects}`);
    expect(problems).toHaveLength(2_000);
    expect(problems[0]?.message).toMatch(/^no such workload; known here: w0, w1, .* and 1980 more$/);
  });

  it('lets the event loop turn while it is read', async () => {
    const { write } = configFolder();
    const file = write('walletcreds.yaml', workloads(2_000));
    let turns = 0;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const config = await loadConfig(file, { env: {}, purpose: 'inspect' });
    clearImmediate(timer);
    expect(config.workloads.size).toBe(2_000);
    expect(turns).toBeGreaterThan(3);
  });
});

describe('a long block map', () => {
  const whole = (text: string) => {
    const [document] = [...new Composer({ uniqueKeys: false }).compose(new Parser().parse(text), true, text.length)];
    return document?.toJS();
  };
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  const value = fc.oneof(
    word,
    word.map(w => `"${w}"`),
    word.map(w => `{ ${w}: [${w}, 1] }`),
    fc.constant(''),
  );

  it('is the same map when it is composed in parts', async () => {
    const lines = fc.array(fc.tuple(value, fc.constantFrom('', ' # note', '\n')), { minLength: 90, maxLength: 310 });
    await fc.assert(
      fc.asyncProperty(lines, lines, async (outer, inner) => {
        const indented = inner.map(([v, end], i) => `  k${i}: ${v}${end}\n`).join('');
        const text = `first: 1\nlong:\n${indented}${outer.map(([v, end], i) => `k${i}: ${v}${end}\n`).join('')}`;
        const parsed = await inSlices(parseYaml(text));
        const { root } = parsed as Extract<typeof parsed, { root: unknown }>;
        const json = (node: unknown): unknown => JSON.parse(JSON.stringify(node));
        expect(json(root)).toEqual(json(whole(text)));
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['a key that has no colon', `${many(150, i => `k${i}: 1\n`)}nothing\n${many(150, i => `l${i}: 1\n`)}`, 151],
    ['an entry further in than its neighbours', `a:\n${many(150, i => `  k${i}: 1\n`)}    deep: 1\n`, 151],
    ['a bracket without its end', `a:\n${many(150, i => `  k${i}: 1\n`)}  open: [1\nb: 2\n`, 153],
  ])('is refused for %s, at its line', async (_, text, line) => {
    expect(await inSlices(parseYaml(text))).toMatchObject({ problem: /^not valid YAML/, place: { line } });
  });
});

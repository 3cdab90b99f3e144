/**
 * A finding of a configuration: where it is, and how to fix it.
 *
 * @module
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { configFolder } from '../support/config-folder.ts';
import { findingsOf, LINES, yaml } from './support.ts';

const W = 'walletcreds.yaml';

describe('a finding names line, column, key and fix', () => {
  const cases: [string, string, string][] = [
    [
      'unknown key',
      yaml({ 1: 'regoin: us-east-1\nregion: x' }),
      `${W}:1:1 regoin: unknown key; did you mean "region"?`,
    ],
    [
      'unknown key of a workload',
      yaml({ 8: '    token_fiel: tokens/a' }),
      `${W}:8:5 workloads.a.token_fiel: unknown key; did you mean "token_file"?`,
    ],
    [
      'unknown key that nothing is near to',
      yaml({ 10: 'admin: { colour: blue }' }),
      `${W}:10:10 admin.colour: unknown key; known here: listen, tls, allow_remote, token_file, max_connections`,
    ],
    [
      'a wallet with a typo',
      yaml({ 7: '    wallet: "0x52908400098527886E0F7030069857D2E4169Ee7"' }),
      `${W}:7:13 workloads.a.wallet: mixed case that fails its EIP-55 checksum: a character is wrong; copy it again, or write it in lower case if you are sure (0x52908400098527886e0f7030069857d2e4169ee7)`,
    ],
    [
      'a wallet without quotes that is too short',
      yaml({ 7: '    wallet: 0x1234' }),
      `${W}:7:13 workloads.a.wallet: 4 digits after "0x"; a wallet is "0x" and 40 hexadecimal digits`,
    ],
    [
      'a missing wallet',
      yaml({ 7: '    prefetch: true' }),
      `${W}:6:3 workloads.a.wallet: missing; the wallet whose data it may touch, "0x" and 40 hexadecimal digits`,
    ],
    ['a missing region', yaml({ 1: '' }), `${W}:2:1 region: missing; the region whose STS is asked, such as us-east-1`],
    ['a missing role', yaml({ 2: '' }), `${W}:1:1 role_arn: missing; workloads.a has none of its own`],
    [
      'a missing identity token',
      yaml({ 3: '', 4: '' }),
      `${W}:1:1 identity_token: missing; say where the JWT for STS comes from: one of signer, broker and file`,
    ],
    [
      'two sources of identity tokens',
      yaml({ 4: `${LINES[3]}\n  file: { path: t }` }),
      `${W}:4:3 identity_token: exactly one of signer, broker and file; signer and file are there`,
    ],
    ['a key written twice', yaml({ 10: 'region: x' }), `${W}:10:1 region: written twice; keep one of them`],
    [
      'a section without content',
      yaml({ 10: 'admin:' }),
      `${W}:10:7 admin: nothing after the ":"; give it a value, or remove the key`,
    ],
    [
      'a list where a map stands',
      yaml({ 10: 'admin: [x]' }),
      `${W}:10:8 admin: a list stands where a map (key: value) is expected`,
    ],
    [
      'a map where a value stands',
      yaml({ 1: 'region: { a: b }' }),
      `${W}:1:9 region: a map stands where one value is expected`,
    ],
    [
      'a value where a map stands',
      yaml({ 10: 'admin: yes' }),
      `${W}:10:8 admin: a single value stands where a map (key: value) is expected`,
    ],
    [
      'an alias',
      yaml({ 10: 'admin: *x' }),
      `${W}:10:8 admin: an alias (*name); anchors and aliases are not supported, write the value out`,
    ],
    [
      'an anchor',
      yaml({ 10: 'admin: &x {}' }),
      `${W}:10:11 admin: an anchor (&name); anchors and aliases are not supported, write the value out`,
    ],
    [
      'a merge key',
      yaml({ 10: 'admin:\n  <<: { listen: [] }' }),
      `${W}:11:3 admin: a merge key (<<); anchors and merging are not supported, write the keys out`,
    ],
    ['a tag', yaml({ 10: 'admin: !!set {}' }), `${W}:10:14 admin: a tag (!name); write the value without it`],
    [
      'a flow map with an interpolation',
      yaml({ 4: '  signer: { issuer: ${env:X} }' }),
      `${W}:4:22: not valid YAML: Unexpected flow-map-start at node end; inside { } and [ ] a value with \${…} needs quotes`,
    ],
    [
      'an unset variable',
      yaml({ 1: 'region: ${env:NO}' }),
      `${W}:1:9 region: the variable NO is not set; set it, or give a default: \${env:NO:-default}`,
    ],
    [
      'a duration without unit',
      yaml({ 9: 'session_duration: 3600' }),
      `${W}:9:19 session_duration: not a duration: it has no unit; write it as 15m, 1h, 30s or 500ms`,
    ],
    [
      'a session that is too long',
      yaml({ 9: 'session_duration: 13h' }),
      `${W}:9:19 session_duration: must be from 15m to 12h`,
    ],
    [
      'an endpoint open to all',
      yaml({ 9: 'endpoint: { listen: ["0.0.0.0:9110"] }' }),
      `${W}:9:22 endpoint.listen.0: 0.0.0.0:9110 is reachable from elsewhere over plain http; use a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23], or tls, or say allow_remote: true`,
    ],
    [
      'an admin listener beyond loopback',
      yaml({ 10: 'admin: { listen: 169.254.170.2:9112 }' }),
      `${W}:10:18 admin.listen: 169.254.170.2:9112 is reachable from elsewhere over plain http; use a loopback address, or tls, or say allow_remote: true`,
    ],
    [
      'a broker beyond loopback',
      yaml({ 10: 'broker: { listen: "[::]:8091" }' }),
      `${W}:10:19 broker.listen: [::]:8091 is reachable from elsewhere over plain http; use a loopback address, or tls, or say allow_remote: true`,
    ],
    [
      'one address twice',
      yaml({ 10: 'admin: { listen: 127.0.0.1:9110 }' }),
      `${W}:10:18 admin.listen: 127.0.0.1:9110 is taken by endpoint.listen; choose another port`,
    ],
    [
      'an http issuer with AWS',
      yaml({ 4: '  signer: { issuer: http://oidc.example.com }' }),
      `${W}:4:21 identity_token.signer.issuer: AWS's STS takes an https issuer only; plain http is for an STS of your own (sts.endpoint)`,
    ],
    [
      'an issuer with a port',
      yaml({ 4: '  signer: { issuer: "https://oidc.example.com:8443" }' }),
      `${W}:4:21 identity_token.signer.issuer: AWS takes no port in an issuer; serve it at 443`,
    ],
    [
      'plain http to a broker',
      yaml({ 4: '  broker: { url: "http://broker:8091", bearer_file: b }' }),
      `${W}:4:18 identity_token.broker.url: plain http to another machine; use https, or say allow_insecure_http: true beside it`,
    ],
    [
      'a tag that is the wallet tag but for case',
      yaml({ 8: '    tags: { AgentKeys_User_Wallet: x }' }),
      `${W}:8:13 workloads.a.tags.AgentKeys_User_Wallet: the same key as wallet_tag, since STS doesn't tell upper from lower case; choose another`,
    ],
    [
      'a tag that repeats but for case',
      yaml({ 8: '    tags: { Team: x, team: y }' }),
      `${W}:8:22 workloads.a.tags.team: the same key as "Team", since STS doesn't tell upper from lower case; choose another`,
    ],
    [
      'a tag that repeats but for how its letters are written',
      yaml({ 8: '    tags: { file: x, "\uFB01le": y }' }),
      `${W}:8:22 workloads.a.tags.\uFB01le: the same key as "file", since STS doesn't tell upper from lower case; choose another`,
    ],
    [
      'a tag of AWS in other letters',
      yaml({ 8: '    tags: { "\uFF41\uFF57\uFF53:x": y }' }),
      `${W}:8:13 workloads.a.tags.\uFF41\uFF57\uFF53:x: keys that begin with "aws:" belong to AWS; choose another`,
    ],
    [
      'a tag that looks like another one',
      yaml({ 8: '    tags: { " agentkeys_user_wallet": y }' }),
      `${W}:8:13 workloads.a.tags. agentkeys_user_wallet: the key of a tag neither begins nor ends with a space`,
    ],
    [
      'a tag of AWS',
      yaml({ 8: '    tags: { "AWS:x": y }' }),
      `${W}:8:13 workloads.a.tags.AWS:x: keys that begin with "aws:" belong to AWS; choose another`,
    ],
    [
      'a name that is a path',
      yaml({ 6: '  ../a:' }),
      `${W}:6:3 workloads.../a: a name has 1 to 64 letters, digits and "._-", and begins with a letter, a digit or "_"`,
    ],
    [
      'two kinds of token',
      yaml({ 8: '    token_file: t\n    token_env: T' }),
      `${W}:9:16 workloads.a.token_env: token_file and token_env exclude each other; keep one`,
    ],
    [
      'a variable that is not set',
      yaml({ 8: '    token_env: T' }),
      `${W}:8:16 workloads.a.token_env: the variable T is not set; a good one: openssl rand -hex 32`,
    ],
    [
      'a mode that would be refused',
      yaml({ 8: '    token_file: t\n    token_mode: "0644"' }),
      `${W}:9:17 workloads.a.token_mode: would let others write it or the world read it; "0600", "0640", "0400" and "0440" are possible`,
    ],
    [
      'a subject for no workload',
      yaml(
        {},
        'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { s: b } }\n',
      ),
      `${W}:13:79 callers.jwt.0.subjects.s: no such workload; did you mean "a"?`,
    ],
    [
      'a subject with a star',
      yaml(
        {},
        'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { "s:*": a } }\n',
      ),
      `${W}:13:83 callers.jwt.0.subjects.s:*: a "*" is no pattern here; write each subject out`,
    ],
    [
      'subjects and a claim',
      yaml(
        {},
        'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { s: a }, wallet_claim: w }\n',
      ),
      `${W}:13:98 callers.jwt.0.wallet_claim: subjects and wallet_claim exclude each other; keep one`,
    ],
    [
      'a claim without bounds',
      yaml({}, 'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], wallet_claim: w }\n'),
      `${W}:13:7 callers.jwt.0: missing any_wallet: true or wallets: […]; say which wallets it may name`,
    ],
    [
      "STS's audience for a caller",
      yaml(
        {},
        'callers:\n  jwt:\n    - { issuer: https://i, audience: sts.amazonaws.com, listeners: [endpoint], subjects: { s: a } }\n',
      ),
      `${W}:13:38 callers.jwt.0.audience: sts.amazonaws.com is the audience for STS, never for a caller; choose an audience of your own`,
    ],
    [
      'one audience for two listeners',
      yaml(
        {},
        'broker: {}\ncallers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint, broker], subjects: { s: a } }\n',
      ),
      `${W}:14:38 callers.jwt.0.audience: serves the endpoint already (callers.jwt.0.audience); one audience serves one listener`,
    ],
    [
      'one issuer twice',
      yaml(
        {},
        'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { s: a } }\n    - { issuer: https://i, audience: y, listeners: [endpoint], subjects: { s: a } }\n',
      ),
      `${W}:14:17 callers.jwt.1.issuer: the same issuer as callers.jwt.0; each has one entry`,
    ],
    [
      'more tags than STS takes',
      yaml({ 8: `    tags: { ${Array.from({ length: 50 }, (_, i) => `t${i}: x`).join(', ')} }` }),
      `${W}:8:11 workloads.a.tags: 51 tags with the wallet's; STS takes 50`,
    ],
    ...['session_policy_file: policy.json', 'role_arn: arn:aws:iam::123456789012:role/own'].map(
      line =>
        [
          `a confinement that the caller's own JWT gets around: ${line}`,
          yaml(
            { 4: '  broker: { url: https://b, bearer: caller }', 8: `    ${line}` },
            'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { s: a } }\n',
          ),
          `${W}:8:${line.startsWith('role') ? 15 : 26} workloads.a.${line.split(':')[0]}: confines nothing with identity_token.broker.bearer: caller, since the caller can show its JWT at the broker itself; use bearer_file, or say raw_jwt: true where it can’t reach the broker`,
        ] as [string, string, string],
    ),
    [
      'a static token where there must be one to forward',
      yaml(
        { 4: '  broker: { url: https://b, bearer: caller }' },
        'callers:\n  jwt:\n    - { issuer: https://i, audience: x, listeners: [endpoint], subjects: { s: a } }\n',
      ),
      `${W}:8:17 workloads.a.token_file: identity_token.broker has bearer: caller, which forwards the JWT of callers.jwt; a static token is none`,
    ],
    [
      'one token for whatever wallet comes',
      yaml(
        { 4: '  file: { path: t }' },
        'callers:\n  session_backend: { url: https://b, listeners: [endpoint], any_wallet: true }\n',
      ),
      `${W}:4:9 identity_token.file: one token for every wallet that callers may bring; use signer, or broker with bearer: caller`,
    ],
    [
      'a session backend without bounds',
      yaml({}, 'callers:\n  session_backend: { url: https://b, listeners: [endpoint] }\n'),
      `${W}:12:20 callers.session_backend: missing any_wallet: true or wallets: […]; say which wallets it may name`,
    ],
    [
      'forwarding without anything to forward',
      yaml({ 4: '  broker: { url: https://b, bearer: caller }', 8: '' }),
      `${W}:4:37 identity_token.broker.bearer: forwards the JWT that a caller presented; it needs an entry of callers.jwt with listeners: [endpoint]`,
    ],
    [
      'a broker without a signer',
      yaml({ 4: '  file: { path: t }', 10: 'broker: {}' }),
      `${W}:10:9 broker: a broker signs the tokens it mints; it needs identity_token.signer`,
    ],
    [
      'an unknown database',
      yaml({ 10: 'audit: { database: mysql://x }' }),
      `${W}:10:20 audit.database: must be file:PATH, postgres://… or stdout`,
    ],
    [
      'a reserved wallet tag',
      yaml({ 10: 'wallet_tag: sub' }),
      `${W}:10:13 wallet_tag: "sub" is a registered claim of every JWT; choose another name`,
    ],
    ['an empty file', '', `${W}: the file is empty; \`walletcreds init\` writes one to start from`],
    ['only comments', '# nothing\n', `${W}: the file is empty; \`walletcreds init\` writes one to start from`],
    ['a text', 'hello', `${W}:1:1: a single value stands where a map (key: value) is expected`],
    ['a byte order mark', `\uFEFF${yaml({})}`, `${W}: begins with a byte order mark; save it as UTF-8 without one`],
    ['a prototype', yaml({ 10: '__proto__: { x: y }' }), `${W}:10:1: a key that is no plain text`],
    [
      'a prototype by a default',
      yaml({ 10: '"${env:P:-__proto__}": { x: y }' }),
      `${W}:10:1: a key that is no plain text`,
    ],
    [
      'an IPv6 address without quotes',
      yaml({ 9: 'endpoint: { listen: [::1]:9110 }' }),
      `${W}:9:26: not valid YAML: Missing , between flow map items; an IPv6 address needs quotes: ["[::1]:9110"]`,
    ],
    [
      'the same in a list',
      yaml({ 9: 'endpoint: { listen: [[::1]:9110] }' }),
      `${W}:9:22 endpoint.listen.0: a key that is no plain text; where it is an address, quote it: "[::1]:9110"`,
    ],
    [
      'a closing bracket too many, behind which the other keys would be left out',
      yaml({ 1: 'region: us-east-1\nsts: { timeout: 5s }}' }),
      `${W}:2:21: not valid YAML: Unexpected flow-map-end token in YAML stream`,
    ],
    [
      'a key without a blank behind its colon',
      yaml({ 1: 'region:us-east-1' }),
      `${W}:1:1: not valid YAML: Implicit keys need to be on a single line; KEY: value needs a colon and a blank behind the key`,
    ],
  ];

  it.each(cases)('%s', async (_, text, message) => {
    expect((await findingsOf(text)).split('\n')).toContain(message);
  });

  it('and there is none for the good configuration that the cases start from', async () => {
    expect(await findingsOf(yaml({}))).toBe('');
  });

  it('say that a value is empty where a variable is set to nothing', async () => {
    const env = { NOTHING: '' };
    expect(await findingsOf(yaml({ 1: 'region: ${env:NOTHING}' }), env)).toContain('region: empty: not a region');
    expect(await findingsOf(yaml({ 2: 'role_arn: ${env:NOTHING}' }), env)).toContain('role_arn: empty: not a role ARN');
  });

  it.each(['not: [closed', '\t- x', 'a: b: c', '{', '"', '- - -\n-', 'a: !<x', '%YAML 9', '---\na: 1\n---\nb: 2\n'])(
    'malformed YAML is one clear line: %j',
    async text => {
      const message = await findingsOf(text);
      expect(message).toMatch(/^walletcreds\.yaml(:\d+:\d+)?: \S/);
      expect(message).not.toMatch(/\n\s+at |node_modules/);
    },
  );

  it.each(['[', '{', '- ', '? ', '{a: ', '[\n'])(
    'text nested without end is one clear line, and not the end: %j',
    async unit => {
      expect(await findingsOf(unit.repeat(100_000))).toMatch(
        /^walletcreds\.yaml:\d+:\d+: not valid YAML: nested too deeply$/,
      );
    },
  );

  it('a file in another encoding, with a NUL, or too large', async () => {
    expect(await findingsOf(Buffer.from('region: \xff', 'latin1'))).toBe(`${W}: not UTF-8; save it as UTF-8`);
    expect(await findingsOf(Buffer.from('\uFEFFregion: x', 'utf16le'))).toBe(
      `${W}: not UTF-8 but UTF-16; save it as UTF-8`,
    );
    expect(await findingsOf('region: "a\0"')).toBe(`${W}: holds a NUL; it is not a text file`);
    expect(await findingsOf(`# ${'x'.repeat(4_194_304)}`)).toBe(`${W}: larger than 4194304 bytes`);
  });

  it('a bomb of aliases is refused at its first alias, in no time', async () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1}, `.repeat(9)}]`,
    ).join('\n');
    expect(await findingsOf(bomb)).toContain('anchors and aliases are not supported');
  });

  it('a file that is not there, or is a folder', async () => {
    const { dir } = configFolder();
    await expect(loadConfig(join(dir, 'no.yaml'))).rejects.toThrow(
      /no\.yaml: no such file; `walletcreds init` writes one/,
    );
    await expect(loadConfig(dir)).rejects.toThrow(/: a directory, not a file/);
  });
});

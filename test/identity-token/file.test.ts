import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createIdentityTokenSource } from '../../src/identity-token/source.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { TAG, workload } from '../support/workload.ts';
import { claims, jwtOf, OTHER, TAGS, temporaryFolder } from './support.ts';

const audience = 'sts.amazonaws.com';

function fileSource(path: string) {
  const source = createIdentityTokenSource({ clock: fakeClock() });
  return () => source.get(workload({ identityToken: { kind: 'file', path, audience } }));
}

describe('a token out of a file', () => {
  it('is read again each time, with or without a line break at its end', async () => {
    const path = join(temporaryFolder(), 'token');
    const get = fileSource(path);
    writeFileSync(path, jwtOf(claims({ jti: 'one' })));
    expect((await get()).jwt).toBe(jwtOf(claims({ jti: 'one' })));
    writeFileSync(path, `${jwtOf(claims({ jti: 'two' }))}\n`);
    expect((await get()).jwt).toBe(jwtOf(claims({ jti: 'two' })));
  });

  it('is found behind the links with which Kubernetes projects it, before and after it is renewed', async () => {
    const dir = temporaryFolder();
    for (const [folder, jti] of [
      ['..2026_01', 'one'],
      ['..2026_02', 'two'],
    ] as const) {
      mkdirSync(join(dir, folder));
      writeFileSync(join(dir, folder, 'token'), jwtOf(claims({ jti })));
    }
    symlinkSync('..2026_01', join(dir, '..data'));
    symlinkSync('..data/token', join(dir, 'token'));
    const get = fileSource(join(dir, 'token'));
    expect((await get()).jwt).toBe(jwtOf(claims({ jti: 'one' })));
    symlinkSync('..2026_02', join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    expect((await get()).jwt).toBe(jwtOf(claims({ jti: 'two' })));
  });

  const token = jwtOf(claims());
  it.each([
    ['is missing', undefined, 'no such file'],
    ['is empty', '', 'it is empty'],
    ['holds white space', ' \n', 'it is empty'],
    ['is half written', token.slice(0, token.indexOf('.') + 20), 'no whole JWT'],
    ['holds two tokens', `${token}\n${token}`, 'no whole JWT'],
    ['holds something else', '{"token":"x"}', 'no whole JWT'],
    ['is too large', 'x'.repeat(20_017), 'larger than'],
  ])('that %s is asked for again later, and the message names the path', async (_, content, message) => {
    const path = join(temporaryFolder(), 'token');
    if (content !== undefined) writeFileSync(path, content);
    const failure = await fileSource(path)().catch(error => error);
    expect(failure).toMatchObject({ code: 'CredentialsUninitialized', transient: true });
    expect(failure.message).toContain(`identity_token.file ${path}: `);
    expect(failure.message).toContain(message);
  });

  it.runIf(process.platform === 'linux')('does not hang on a pipe or a folder in its place', async () => {
    const dir = temporaryFolder();
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    await expect(fileSource(join(dir, 'pipe'))()).rejects.toThrow('not a regular file');
    await expect(fileSource(dir)()).rejects.toThrow('a directory, not a file');
  });

  it("is refused when it is another wallet's, or has no tags and no session policy", async () => {
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, jwtOf(claims({ [TAGS]: { principal_tags: { [TAG]: [OTHER] } } })));
    await expect(fileSource(path)()).rejects.toMatchObject({ code: 'TagMismatch', claim: TAG });
    writeFileSync(path, jwtOf(claims({ [TAGS]: undefined })));
    await expect(fileSource(path)()).rejects.toMatchObject({ code: 'TagMismatch', claim: TAGS });
  });
});

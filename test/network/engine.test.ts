/**
 * The recipe for development under a real engine: whichever container crashes or restarts, the app goes on.
 *
 * The namespaces of `recipe-networks.test.ts` can't show this: an engine gives a container that restarts a new namespace.
 *
 * @module
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { because } from '../support/clients.ts';
import { root, temporaryFolder } from '../support/process.ts';
import { type Engine, noEngine, startEngine } from './engine.ts';

/** In place of the scraper: the same container, which goes on. */
const WAITING = `
    image: walletcreds
    pull_policy: never
    entrypoint: ["node", "-e", "process.on('SIGTERM', process.exit); setInterval(() => {}, 2 ** 31 - 1)"]
    healthcheck: { disable: true }`;
const ASK = `
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file } = process.env;
  const authorization = require('node:fs').readFileSync(file, 'utf8');
  fetch(url, { headers: { authorization } }).then(
    async answer => console.log(answer.status, (await answer.json()).RoleArn),
    error => console.log(error.cause.code),
  );`;

describe.skipIf(because(noEngine()))('under a real engine', { timeout: 180_000 }, () => {
  const folder = temporaryFolder('engine');
  const file = join(folder.path, 'docker-compose.yml');
  let engine: Engine;
  const compose = async (...args: string[]) => {
    const { code, stdout, stderr } = await engine.compose(file, ...args);
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const ask = async () => (await engine.compose(file, 'exec', '-T', 'scraper', 'node', '-e', ASK)).stdout.trim();
  /** Asks until it is so; the test's time limit ends it. */
  const until = async (said: RegExp) => {
    let last = '';
    while (!said.test(last)) last = await ask();
    return last;
  };
  const GOOD = /^200 arn:aws:iam::000000000000:role\/walletcreds-dev$/;

  beforeAll(async () => {
    copyFileSync(join(root, 'docker-compose.yml'), file);
    const text = readFileSync(file, 'utf8')
      .replaceAll('build: .\n', 'pull_policy: never\n')
      .replace('\n    build: examples/scraper', WAITING);
    writeFileSync(file, text);
    engine = await startEngine();
    await compose('up', '--detach', '--no-build');
  }, 300_000);
  afterAll(async () => {
    if (engine !== undefined) {
      await engine.compose(file, 'down', '--volumes', '--timeout', '2');
      await engine.close();
    }
    folder.remove();
  }, 120_000);

  test('the app has credentials', async () => {
    expect(await ask()).toMatch(GOOD);
  });

  test('a walletcreds that crashes comes back to where its app is', async () => {
    const id = await compose('ps', '--quiet', 'walletcreds');
    const pid = Number((await engine.docker('inspect', '--format', '{{.State.Pid}}', id)).stdout);
    process.kill(pid, 'SIGKILL');
    await until(/ECONNREFUSED|ECONNRESET|200/);
    expect(await until(/^200/)).toMatch(GOOD);
    const restarts = await engine.docker('inspect', '--format', '{{.RestartCount}}', id);
    expect(restarts.stdout.trim()).toBe('1');
  });

  test.each(['walletcreds', 'scraper', 'namespace'])(
    'a restart of %s leaves the app with credentials',
    async service => {
      await compose('restart', '--timeout', '2', service);
      expect(await until(/^200/)).toMatch(GOOD);
    },
  );
});

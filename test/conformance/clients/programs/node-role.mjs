// A node whose metadata service gives its role to everybody: run in a network namespace of its own, as root.
// argv: folder for files, JSON of the clients' commands ("S3" stands for the URL of S3).
// Prints a JSON line for each client and form: whose credentials reached S3, and what the metadata service was asked.
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startDev } from '../../../../dist/index.js';

const [folder, commands] = process.argv.slice(2);
const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const bin = new URL('../../../../dist/bin.js', import.meta.url).pathname;
execFileSync('/usr/sbin/ip', ['link', 'set', 'lo', 'up']);
execFileSync('/usr/sbin/ip', ['addr', 'add', '169.254.169.254/32', 'dev', 'lo']);

const listen = (server, port, host) =>
  new Promise(done => server.listen(port, host, () => done(server.address().port)));
const asked = [];
const role = { AccessKeyId: 'ASIANODE', SecretAccessKey: 'x', Token: 't', Code: 'Success' };
const metadata = createServer((request, response) => {
  asked.push(request.url);
  const answer = request.url.endsWith('/node-role')
    ? JSON.stringify({ ...role, Expiration: '2099-01-01T00:00:00Z' })
    : 'node-role';
  response.end(answer);
});
await listen(metadata, 80, '169.254.169.254');
const signers = new Set();
const s3 = createServer((request, response) => {
  signers.add(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? 'nobody');
  response.writeHead(404, { 'content-type': 'application/xml' });
  response.end(request.method === 'HEAD' ? '' : '<Error><Code>NoSuchKey</Code></Error>');
});
const s3Port = await listen(s3, 0, '127.0.0.1');

const dev = await startDev({ workloads: { a: WALLET } });
const printed = dev.env('a');
const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = printed;
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, token, { mode: 0o600 });
const config = join(folder, 'walletcreds.yaml');
writeFileSync(
  config,
  `region: us-east-1
role_arn: arn:aws:iam::000000000000:role/walletcreds-dev
identity_token: { signer: { issuer: "https://oidc.example.com", keys_dir: keys } }
workloads: { a: { wallet: "${WALLET}", token_env: A_TOKEN } }
`,
  { mode: 0o600 },
);
const { AWS_CONTAINER_AUTHORIZATION_TOKEN: _, ...withoutToken } = printed;
const byFile = { ...withoutToken, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile };
const bare = {
  AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
  AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};
const exec = [process.execPath, bin, 'exec', 'a', '--config', config, '--endpoint', new URL(url).origin, '--'];
const forms = {
  bare: { env: bare, before: [] },
  env: { env: printed, before: [] },
  'env --token-file': { env: byFile, before: [] },
  exec: { env: { A_TOKEN: token }, before: exec },
};

const ended = (command, env) =>
  new Promise(done => {
    const child = spawn(command[0], command.slice(1), { env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', done);
    child.once('close', done);
  });
for (const [client, { command, env }] of Object.entries(JSON.parse(commands))) {
  for (const [form, { env: variables, before }] of Object.entries(forms)) {
    asked.length = 0;
    signers.clear();
    const here = value => value.replace('S3', `127.0.0.1:${s3Port}`);
    const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, here(value)]));
    await ended([...before, ...command.map(here)], { PATH: process.env.PATH, HOME: folder, ...own, ...variables });
    const who = [...signers].map(key =>
      key === role.AccessKeyId ? 'node' : (dev.sts.sessions.get(key)?.sessionName ?? key),
    );
    console.log(JSON.stringify({ client, form, who, asked: asked.length }));
  }
}
process.exit(0);

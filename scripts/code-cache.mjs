// Keeps what V8 compiles of dist/serve-….js while it serves one request, for the next start with the same V8 to take:
//
//   node --random-seed=1 scripts/code-cache.mjs dist/serve-….js
//
// `serve` runs here as it will run, against the STS emulator, in a folder of its own. V8 compiles a function when it is
// first called, so what is kept is what a start needs and hardly more. With `--random-seed` what is kept is the same each
// time; V8 takes it all the same without.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Script } from 'node:vm';
import { startStsEmulator, walletTrustPolicy } from '../dist/index.mjs';
import { freePort } from './free-port.mjs';

const LONG_MS = 30_000;
const issuer = 'https://issuer.invalid';
const role = 'arn:aws:iam::000000000000:role/warm';
const folder = mkdtempSync(join(tmpdir(), 'walletcreds-build-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'warm', alg: 'ES256', use: 'sig' };
const documents = { jwks_uri: `${issuer}/jwks`, issuer, keys: [jwk] };
const sts = await startStsEmulator({
  issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
  roles: [{ arn: role, trustPolicy: walletTrustPolicy({ accountId: '000000000000', issuer }) }],
  fetchIssuer: () => Promise.resolve(Response.json(documents)),
});
const secret = (name, content) => writeFileSync(join(folder, name), content, { mode: 0o600 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
const token = randomBytes(32).toString('hex');
secret('oidc.json', JSON.stringify({ kid: 'warm', alg: 'ES256', purpose: 'oidc', private_key_pem: pem }));
secret('token', token);
const [endpoint, admin] = [await freePort(), await freePort()];
secret(
  'walletcreds.yaml',
  `region: us-east-1
role_arn: ${role}
endpoint: { listen: "127.0.0.1:${endpoint}" }
admin: { listen: "127.0.0.1:${admin}" }
identity_token: { signer: { issuer: "${issuer}", keys_dir: . } }
sts: { endpoint: "${sts.url}" }
workloads: { warm: { wallet: "0x${'0'.repeat(40)}", token_file: token } }
`,
);

const filename = resolve(process.argv[2]);
process.env.WALLETCREDS_LOG_LEVEL = 'warn';
const script = new Script(readFileSync(filename, 'latin1'), { filename });
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename));
const ended = module.exports.main(join(folder, 'walletcreds.yaml'));
ended.then(status => process.exit(status || 1));

// One request, once the first exchange is under way: the same functions are called each time, and the same bytes kept.
for (const deadline = Date.now() + LONG_MS; sts.calls.length === 0; await pause(5)) {
  if (Date.now() > deadline) throw new Error('`serve` asked STS for nothing within 30 s');
}
const answer = await status(endpoint, '/v1/credentials');
if (answer !== 200) throw new Error(`\`serve\` answered ${answer} instead of credentials`);
const cache = `${filename}.cache`;
const compiled = script.createCachedData();
// Whoever loads it compares the hash.
writeFileSync(`${cache}.${process.pid}`, Buffer.concat([createHash('sha256').update(compiled).digest(), compiled]));
renameSync(`${cache}.${process.pid}`, cache);
process.exit(0);

/** Not by `fetch`, which says that it is a browser. */
function status(port, path) {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { Authorization: token }, agent: false }, reply => {
      reply.resume().once('end', () => resolve(reply.statusCode));
    }).once('error', reject);
  });
}

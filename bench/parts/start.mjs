/**
 * The time from `spawn` to the first credentials, by the time that a node needs which does nothing: of `serve` until its
 * first 200, of `credentials` and `credentials --endpoint` until they end. A `credential_process` runs one of those at every call.
 *
 * STS is another process. Its own round trip over a new connection is measured as well, and subtracted from `serve`'s time.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { importPKCS8, SignJWT } from 'jose';
import { ask, untilOk } from '../lib/http.mjs';
import { bin, serve, start as spawn } from '../lib/program.mjs';
import { pairedRatio, summary } from '../lib/statistics.mjs';
import { claims, makeWorld, walletOf } from '../lib/world.mjs';

/** The ratio that `serve`'s first 200 must keep, by the major version of node. */
const AT_MOST = { 24: 5 };

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function start({ quick, note }) {
  const rounds = quick ? 7 : 21;
  const found = {};
  const figures = [];
  for (const [version, node] of nodes(note)) {
    const measured = await startsOf(node, rounds);
    found[version] = Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, summary(values)]));
    const withoutSts = measured.first.map((ms, i) => ms - measured.sts[i]);
    const ratio = values => pairedRatio(values, measured.node);
    const on = `Node ${version}: `;
    figures.push(
      { what: `${on}node -e 0`, found: found[version].node, unit: 'ms' },
      { what: `${on}one STS round trip (emulator)`, found: found[version].sts, unit: 'ms' },
      { what: `${on}spawn of serve to first 200`, found: found[version].first, unit: 'ms' },
      { what: `${on}(first 200 − STS) / node -e 0`, found: ratio(withoutSts), atMost: AT_MOST[version] },
      { what: `${on}credentials`, found: found[version].credentials, unit: 'ms' },
      { what: `${on}credentials / node -e 0`, found: ratio(measured.credentials) },
      { what: `${on}credentials --endpoint`, found: found[version].endpoint, unit: 'ms' },
      { what: `${on}credentials --endpoint / node -e 0`, found: ratio(measured.endpoint) },
    );
  }
  return { rounds, milliseconds: found, figures };
}

/** Node 20 and 24 by their path: this one, and the other by way of npx. */
function nodes(note) {
  const own = process.versions.node.split('.')[0];
  const all = new Map([[own, process.execPath]]);
  for (const version of ['20', '24'].filter(each => each !== own)) {
    try {
      const args = ['-y', '-p', `node@${version}`, '--', 'node', '-p', 'process.execPath'];
      all.set(version, execFileSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
    } catch {
      note(`no Node ${version} by npx: its rows are left out`);
    }
  }
  return [...all].sort(([a], [b]) => a - b);
}

async function startsOf(node, rounds) {
  const world = await makeWorld();
  try {
    const roundTrip = await stsClient(world);
    const headers = { Authorization: world.tokens[0] };
    const credentials = ['credentials', 'bench-0', '--config', world.config];
    const endpoint = ['--endpoint', `http://127.0.0.1:${world.endpointPort}`];
    const ends = async args => {
      const program = spawn([node, bin, ...args]);
      if ((await program.gone) !== 0) throw new Error(`${args.join(' ')} failed: ${program.said()}`);
    };
    const measured = { node: [], sts: [], first: [], credentials: [], endpoint: [] };
    // The first round isn't counted: files come into the page cache, and compiled code into node's.
    for (let round = -1; round < rounds; round++) {
      const times = {
        node: await timed(() => spawn([node, '-e', '0']).gone),
        sts: await roundTrip(),
      };
      let program;
      times.first = await timed(async () => {
        program = serve(world.config, { stderr: 'null', node });
        await untilOk(world.endpointPort, { headers });
      });
      times.endpoint = await timed(() => ends([...credentials, ...endpoint]));
      await program.stop();
      times.credentials = await timed(() => ends(credentials));
      if (round >= 0) for (const [name, ms] of Object.entries(times)) measured[name].push(ms);
    }
    return measured;
  } finally {
    await world.remove();
  }
}

async function timed(run) {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

/** @returns a function that does one exchange over a connection of its own, and says how many ms it took */
async function stsClient({ issuer, key, stsUrl, role }) {
  const { hostname, port } = new URL(stsUrl);
  const signingKey = await importPKCS8(key.pem, key.alg);
  const wallet = walletOf(0);
  return async () => {
    const jwt = await new SignJWT(claims(issuer, wallet))
      .setProtectedHeader({ alg: key.alg, kid: key.kid })
      .sign(signingKey);
    const body = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: role,
      RoleSessionName: wallet,
      WebIdentityToken: jwt,
    }).toString();
    const headers = { Host: `${hostname}:${port}`, 'Content-Type': 'application/x-www-form-urlencoded' };
    return timed(async () => {
      const answer = await ask(Number(port), { path: '/', method: 'POST', headers, body });
      if (answer.status !== 200) throw new Error(`the STS emulator answers ${answer.status}: ${answer.body}`);
    });
  };
}

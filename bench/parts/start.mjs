/**
 * From `spawn` to the first credentials, against the start of a node that does nothing. STS is another process; its own
 * round trip, over a new connection as at a start, is measured beside and taken off.
 *
 * @module
 */
import { importPKCS8, SignJWT } from 'jose';
import { ask, untilOk } from '../lib/http.mjs';
import { serve, start as spawn } from '../lib/program.mjs';
import { pairedRatio, summary } from '../lib/statistics.mjs';
import { claims, makeWorld, walletOf } from '../lib/world.mjs';

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function start({ quick, note }) {
  const rounds = quick ? 7 : 21;
  const world = await makeWorld();
  try {
    const roundTrip = await stsClient(world);
    const headers = { Authorization: world.tokens[0] };
    const measured = { node: [], sts: [], first: [] };
    // One round that isn't counted: files into the page cache, the emulator warm.
    for (let round = -1; round < rounds; round++) {
      const node = await timed(() => spawn([process.execPath, '-e', '0']).gone);
      const sts = await roundTrip();
      let program;
      const first = await timed(async () => {
        program = serve(world.config, { stderr: 'null' });
        await untilOk(world.endpointPort, { headers });
      });
      await program.stop();
      if (round < 0) continue;
      measured.node.push(node);
      measured.sts.push(sts);
      measured.first.push(first);
    }
    const withoutSts = measured.first.map((ms, i) => ms - measured.sts[i]);
    const ratio = pairedRatio(withoutSts, measured.node);
    const found = Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, summary(values)]));
    note(
      `node -e 0 ${found.node.median.toFixed(0)} ms, STS ${found.sts.median.toFixed(1)} ms, first 200 ${found.first.median.toFixed(0)} ms`,
    );
    return {
      rounds,
      milliseconds: found,
      verdicts: [
        { what: 'node -e 0', found: found.node, unit: 'ms' },
        { what: 'one STS round trip (emulator)', found: found.sts, unit: 'ms' },
        { what: 'spawn of serve to first 200', found: found.first, unit: 'ms' },
        { what: '(first 200 − STS round trip) / node -e 0', found: ratio, atMost: 4, aim: 2.5 },
      ],
    };
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

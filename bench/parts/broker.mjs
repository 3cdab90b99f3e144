/**
 * The broker: JWTs a second against jose alone, over its route and without it, and `mint-aws-creds` a second with an STS
 * on this machine.
 *
 * A caller may mint 30 times at once and five times a second, so the load comes from many callers.
 *
 * @module
 */
import { importPKCS8, SignJWT } from 'jose';
import { untilOk } from '../lib/http.mjs';
import { ownProgram, serve } from '../lib/program.mjs';
import { sources } from '../lib/sources.mjs';
import { pairedRatio, summary } from '../lib/statistics.mjs';
import { claims, makeWorld, walletOf } from '../lib/world.mjs';

const IN_FLIGHT = 16;

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function broker({ quick, note }) {
  const results = {};
  const figures = [];
  for (const alg of ['ES256', 'RS256']) {
    const found = await minted(alg, quick);
    results[alg] = found;
    const { jose, signed, route, awsCreds } = found.perSecond;
    note(
      `${alg}: jose ${jose.median.toFixed(0)}/s, signIdentityToken ${signed.median.toFixed(0)}/s, mint-oidc-jwt ${route.median.toFixed(0)}/s, mint-aws-creds ${awsCreds.median.toFixed(0)}/s`,
    );
    figures.push(
      { what: `${alg}: JWTs with jose alone`, found: jose, unit: '/s' },
      { what: `${alg}: signed here / jose alone`, found: found.signedToJose },
      { what: `${alg}: mint-oidc-jwt, a record on disk each`, found: route, unit: '/s' },
      { what: `${alg}: mint-oidc-jwt / jose alone`, found: found.routeToJose },
      { what: `${alg}: mint-aws-creds, an exchange each`, found: awsCreds, unit: '/s' },
    );
  }
  return { inFlight: IN_FLIGHT, ...results, figures };
}

async function minted(alg, quick) {
  const rounds = quick ? 3 : 7;
  const ms = quick ? 250 : 700;
  const world = await makeWorld({ workloads: quick ? 500 : 2_000, prefetch: false, alg, broker: true });
  const program = serve(world.config, { stderr: 'null' });
  const load = ownProgram('load');
  try {
    await untilOk(world.brokerPort, { path: '/healthz' });
    const { signIdentityToken } = await sources();
    const { issuer, key } = world;
    const privateKey = await importPKCS8(key.pem, alg);
    const wallet = walletOf(1);
    const workload = { wallet, walletTag: 'agentkeys_user_wallet', tags: {} };
    const plain = () =>
      new SignJWT(claims(issuer, wallet)).setProtectedHeader({ alg, kid: key.kid, typ: 'JWT' }).sign(privateKey);
    const ours = () =>
      signIdentityToken({
        key: { ...key, privateKey },
        issuer,
        audience: 'sts.amazonaws.com',
        ttlSeconds: 300,
        workload,
        now: Date.now(),
      });
    const posted = path => {
      const requests = world.bearers.map(
        bearer =>
          `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${bearer}\r\nContent-Length: 0\r\n\r\n`,
      );
      return async () => {
        const result = await load.ask({
          port: world.brokerPort,
          connections: IN_FLIGHT,
          requests,
          varying: true,
          warmMs: 50,
          ms,
        });
        if (result.error !== undefined || result.failed > 0) {
          throw new Error(`${path}: ${result.error ?? `${result.failed} refused: ${result.sample}`}`);
        }
        return result.perSecond;
      };
    };
    const route = posted('/v1/mint-oidc-jwt');
    const awsCreds = posted('/v1/mint-aws-creds');
    const measured = { jose: [], signed: [], route: [], awsCreds: [] };
    await perSecond(plain, 200);
    await perSecond(ours, 200);
    await route();
    for (let round = 0; round < rounds; round++) {
      measured.jose.push(await perSecond(plain, ms));
      measured.signed.push(await perSecond(ours, ms));
      measured.route.push(await route());
      measured.awsCreds.push(await awsCreds());
    }
    return {
      perSecond: Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, summary(values)])),
      signedToJose: pairedRatio(measured.signed, measured.jose),
      routeToJose: pairedRatio(measured.route, measured.jose),
    };
  } finally {
    await load.stop();
    await program.stop();
    await world.remove();
  }
}

/** How often a second, so many of them under way at a time. */
async function perSecond(run, ms) {
  const from = performance.now();
  let done = 0;
  const one = async () => {
    while (performance.now() - from < ms) {
      await run();
      done++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
  return done / ((performance.now() - from) / 1000);
}

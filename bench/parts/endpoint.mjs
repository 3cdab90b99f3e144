/**
 * The endpoint's cached answers against two baselines: throughput and latency at 1, 16 and 64 connections, and the cost of
 * the audit log. All servers run for the whole part and are asked in rotation. A ratio is always one of the same round.
 *
 * @module
 */
import { ask, untilOk } from '../lib/http.mjs';
import { processorSeconds } from '../lib/machine.mjs';
import { ownProgram, serve } from '../lib/program.mjs';
import { pairedRatio, summary } from '../lib/statistics.mjs';
import { makeWorld } from '../lib/world.mjs';

const CONNECTIONS = [1, 16, 64];

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function endpoint({ quick, note }) {
  const rounds = quick ? 7 : 11;
  const [warmMs, ms] = quick ? [100, 300] : [300, 1_500];
  const world = await makeWorld();
  const toStdout = await makeWorld({ audit: 'stdout' });
  const options = { role: 'server', stderr: 'null' };
  const ours = serve(world.config, options);
  const unaudited = serve(toStdout.config, options);
  const bare = ownProgram('baseline', { role: 'server' });
  const guarded = ownProgram('baseline', { role: 'server' });
  const load = ownProgram('load', { role: 'client' });
  try {
    const headers = { Authorization: world.tokens[0] };
    const { rawHeaders, body } = await untilOk(world.endpointPort, { headers });
    await untilOk(toStdout.endpointPort, { headers: { Authorization: toStdout.tokens[0] } });
    // Node adds its own headers at the baselines too.
    const own = rawHeaders.filter((_, i) => /^(content-|cache-)/i.test(rawHeaders[i - (i % 2)]));
    const baselineOf = kind => ({ kind, tokens: world.tokens, headers: own, body });
    const servers = [
      { name: 'bare', pid: bare.child.pid, port: (await bare.ask(baselineOf('bare'))).port, requests: world.requests },
      {
        name: 'guarded',
        pid: guarded.child.pid,
        port: (await guarded.ask(baselineOf('guarded'))).port,
        requests: world.requests,
      },
      { name: 'ours', pid: ours.child.pid, port: world.endpointPort, requests: world.requests },
      { name: 'stdout', pid: unaudited.child.pid, port: toStdout.endpointPort, requests: toStdout.requests },
    ];
    await sameBytes(servers.slice(0, 3), headers);

    const results = {};
    for (const connections of CONNECTIONS) {
      const measured = Object.fromEntries(servers.map(({ name }) => [name, []]));
      // The audit log's cost is asked for once, at 16 connections.
      const asked = connections === 16 ? servers : servers.slice(0, 3);
      for (const server of asked) await load.ask({ ...server, connections, warmMs, ms: 3 * ms });
      for (let round = 0; round < rounds; round++) {
        for (const server of asked) {
          const before = processorSeconds(server.pid);
          const result = await load.ask({ ...server, connections, warmMs, ms });
          if (result.error !== undefined || result.failed > 0) {
            throw new Error(
              `${server.name}: ${result.error ?? `${result.failed} answers other than 200: ${result.sample}`}`,
            );
          }
          const used = processorSeconds(server.pid) - before;
          delete result.sample;
          // Warm-up included on both sides of the division.
          const share = (ms + warmMs) / ms;
          measured[server.name].push({ ...result, cpuMicros: (used * 1e6) / (result.requests * share) });
        }
      }
      results[connections] = summarised(measured);
      note(line(connections, results[connections]));
    }
    return { rounds, ms, bodyBytes: Buffer.byteLength(body), connections: results, figures: figuresOf(results) };
  } finally {
    for (const program of [ours, unaudited, bare, guarded, load]) await program.stop();
    await world.remove();
    await toStdout.remove();
  }
}

/** Whether all of them give the same answer, header for header, except for the date. */
async function sameBytes(servers, headers) {
  const texts = [];
  for (const { port } of servers) {
    const { rawHeaders, body } = await ask(port, { headers });
    texts.push(`${rawHeaders.join('\n').replace(/Date\n.*/, 'Date')}\n\n${body}`);
  }
  if (new Set(texts).size !== 1)
    throw new Error(`the baselines answer other bytes than the endpoint:\n${texts.join('\n---\n')}`);
}

function summarised(measured) {
  const all = (name, key) => measured[name].map(result => result[key]);
  const servers = Object.fromEntries(
    Object.keys(measured)
      .filter(name => measured[name].length > 0)
      .map(name => [
        name,
        Object.fromEntries(
          ['perSecond', 'p50', 'p99', 'p99.9', 'cpuMicros', 'clientBusy'].map(key => [key, summary(all(name, key))]),
        ),
      ]),
  );
  const ratio = (over, under, key) => pairedRatio(all(over, key), all(under, key));
  return {
    servers,
    ratios: {
      throughputToGuarded: ratio('ours', 'guarded', 'perSecond'),
      throughputToBare: ratio('ours', 'bare', 'perSecond'),
      p50ToGuarded: ratio('ours', 'guarded', 'p50'),
      p99ToGuarded: ratio('ours', 'guarded', 'p99'),
      p99ToBare: ratio('ours', 'bare', 'p99'),
      cpuToGuarded: ratio('ours', 'guarded', 'cpuMicros'),
      ...(measured.stdout.length > 0 ? { auditLog: ratio('ours', 'stdout', 'perSecond') } : {}),
    },
  };
}

function line(connections, { servers, ratios }) {
  const rate = name =>
    `${name} ${Math.round(servers[name].perSecond.median)}/s p99 ${Math.round(servers[name].p99.median)} µs`;
  return `${connections} connections: ${['bare', 'guarded', 'ours'].map(rate).join(', ')}; ours/guarded ${ratios.throughputToGuarded.median.toFixed(2)}`;
}

function figuresOf(results) {
  const figures = [];
  for (const connections of CONNECTIONS) {
    const { ratios } = results[connections];
    const at = `at ${connections} connection${connections === 1 ? '' : 's'}`;
    figures.push(
      { what: `throughput / guarded baseline ${at}`, found: ratios.throughputToGuarded, atLeast: 0.9 },
      { what: `throughput / bare node:http ${at}`, found: ratios.throughputToBare, atLeast: 0.45 },
      connections === 64
        ? { what: `p99 / guarded baseline ${at}`, found: ratios.p99ToGuarded, atMost: 1.2 }
        : { what: `p99 / guarded baseline ${at}`, found: ratios.p99ToGuarded },
      // Other work on the machine changes this ratio least.
      { what: `CPU time of a request / guarded baseline ${at}`, found: ratios.cpuToGuarded },
    );
  }
  const { auditLog } = results[16].ratios;
  figures.push({
    what: 'throughput with SQLite audit log / records to /dev/null, 16 connections',
    found: auditLog,
    atLeast: 0.95,
  });
  return figures;
}

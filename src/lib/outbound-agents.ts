/**
 * The connections of calls that leave the process: kept alive, by the authorities that they trust and by the proxy.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { type EgressProxy, isProxied, TunnelAgent } from './egress-proxy.ts';
import { fingerprint } from './files/fingerprint.ts';
import { OutboundError } from './outbound-error.ts';

const plainAgent = new http.Agent({ keepAlive: true });
const publicAgent = newAgent();
/** By path: the agent for what the file held last. */
const agents = new Map<string, { version: string; ca: string; agent: https.Agent }>();

function newAgent(ca?: string): https.Agent {
  // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment doesn't switch it off.
  return new https.Agent({ keepAlive: true, rejectUnauthorized: true, ...(ca !== undefined && { ca }) });
}

/** An agent for one call, which trusts the same authorities. */
export function forOneCall(agent: http.Agent): http.Agent {
  if (!(agent instanceof https.Agent)) return new http.Agent();
  if (agent instanceof TunnelAgent) return agent.forOneCall();
  return new https.Agent({ ...agent.options, keepAlive: false });
}

/**
 * A keep-alive agent that trusts the authorities in a PEM file alone, or node's own list without one. The same object as
 * long as the file's contents are the same, so a caller can tell a change by comparing.
 *
 * @throws OutboundError `CaUnreadable`
 */
export async function caAgent(caFile?: string): Promise<https.Agent> {
  if (caFile === undefined) return publicAgent;
  try {
    const version = fingerprint(await stat(caFile, { bigint: true }));
    const known = agents.get(caFile);
    if (known?.version === version) return known.agent;
    const ca = await readFile(caFile, 'utf8');
    if (!ca.includes('-----BEGIN CERTIFICATE-----')) {
      throw new OutboundError('CaUnreadable', `${caFile}: no certificate in PEM in it`);
    }
    const agent = known?.ca === ca ? known.agent : newAgent(ca);
    agents.set(caFile, { version, ca, agent });
    return agent;
  } catch (error) {
    if (error instanceof OutboundError) throw error;
    throw new OutboundError(
      'CaUnreadable',
      `${caFile}: reading it fails with ${(error as NodeJS.ErrnoException).code}`,
    );
  }
}

/** By proxy and by the agent whose authorities it trusts. */
const tunnels = new WeakMap<EgressProxy, WeakMap<https.Agent, TunnelAgent>>();

function tunnel(proxy: EgressProxy, agent: https.Agent): TunnelAgent {
  const known = tunnels.get(proxy) ?? new WeakMap<https.Agent, TunnelAgent>();
  tunnels.set(proxy, known);
  const made = known.get(agent) ?? new TunnelAgent(proxy, agent.options);
  known.set(agent, made);
  return made;
}

/** @throws OutboundError `CaUnreadable` */
export async function agentFor(
  url: URL,
  { caFile, proxy }: { readonly caFile?: string | undefined; readonly proxy?: EgressProxy | undefined },
): Promise<http.Agent> {
  if (url.protocol !== 'https:') return plainAgent;
  const agent = await caAgent(caFile);
  return proxy !== undefined && isProxied(url, proxy) ? tunnel(proxy, agent) : agent;
}

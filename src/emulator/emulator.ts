/**
 * The emulator as a value: an account in memory and a Hono app in front of it, for a listener of one's own or none.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { systemClock } from '../lib/clock.ts';
import { perform } from './actions.ts';
import { StsError } from './errors.ts';
import { createProvider, type EmulatedIssuer, type Provider, providerArn } from './issuers.ts';
import type { EmulatedCall, EmulatedFault, StsEmulatorOptions } from './options.ts';
import { readRequest, type WireRequest } from './query.ts';
import { awsRole, createRole, type EmulatedRole, type Role } from './roles.ts';
import { createSessionStore, type EmulatedSession, type SessionSecrets } from './sessions.ts';
import { isSigned } from './sigv4-parse.ts';
import type { WebApp } from './web-app.ts';
import { errorXml, successXml } from './xml.ts';

/** How many calls are remembered; the oldest go first. */
const MAX_CALLS = 10_000;

export interface StsEmulator {
  /** Answers STS at `/`, GET and POST. `app.request('http://sts/', …)` needs no port. */
  readonly app: WebApp;
  readonly accountId: string;
  /** What was handed out, by access-key id. No secrets in it. */
  readonly sessions: ReadonlyMap<string, EmulatedSession>;
  /** The secrets behind an access-key id, for an emulator of another service that accepts the same credentials. */
  secretsOf(accessKeyId: string): SessionSecrets | undefined;
  /** Every request so far, oldest first, the last 10,000. */
  readonly calls: readonly EmulatedCall[];
  /** Adds a provider, or replaces the one of the same URL. For an issuer whose port is known only later. */
  putIssuer(issuer: EmulatedIssuer): void;
  /** Adds a role, or replaces the one of the same ARN. @returns its ARN */
  putRole(role: EmulatedRole): string;
  /** What a trust policy must name as `Principal.Federated` for an issuer. */
  providerArn(issuer: string): string;
  /** Answers the next calls with a failure. */
  fail(fault: EmulatedFault): void;
}

/**
 * An emulator without a listener.
 *
 * @throws TypeError that names the option and the fix
 * @example
 * const sts = createStsEmulator({ issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }], roles });
 * const response = await sts.app.request('http://sts/', { method: 'POST', body: new URLSearchParams(parameters) });
 */
export function createStsEmulator(options: StsEmulatorOptions = {}): StsEmulator {
  const { clock = systemClock, latencyMs = 0, jwksMaxAgeMs = 60_000 } = options;
  const fetchIssuer = options.fetchIssuer ?? ((url, init) => fetch(url, init));
  const named = options.roles?.map(({ arn }) => awsRole(arn ?? '')).find(role => role !== undefined);
  const accountId = options.accountId ?? named?.account ?? '000000000000';
  if (!/^\d{12}$/.test(accountId)) throw new TypeError(`accountId: 12 digits, not ${JSON.stringify(accountId)}`);
  const partition = named?.partition ?? 'aws';
  const providers = new Map<string, Provider>();
  const roles = new Map<string, Role>();
  const store = createSessionStore();
  const calls: EmulatedCall[] = [];
  let fault: { error: StsError; left: number } | undefined;
  const account = { providers, roles, store, now: () => clock.wall() };

  async function answer(request: WireRequest, requestId: string) {
    if (fault !== undefined && fault.left > 0) {
      fault.left--;
      throw fault.error;
    }
    const { action, result } = await perform(request, account);
    return { xml: successXml(action, result, requestId), result };
  }

  const app = new Hono();
  app.on(['GET', 'POST'], '/', async context => {
    const requestId = randomUUID();
    let request: WireRequest | undefined;
    let accessKeyId: string | undefined;
    let failure: StsError | undefined;
    let xml: string;
    const at = clock.wall();
    try {
      request = await readRequest(context.req.raw, peerOf(context.env));
      const done = await answer(request, requestId);
      xml = done.xml;
      const credentials = done.result['Credentials'];
      if (typeof credentials === 'object') accessKeyId = String(credentials['AccessKeyId']);
    } catch (error) {
      failure =
        error instanceof StsError ? error : new StsError('InternalFailure', 'The emulator failed: a fault in it');
      xml = errorXml(failure, requestId);
    }
    const status = failure?.status ?? 200;
    calls.push(callOf(request, { at, requestId, status, code: failure?.code, accessKeyId }));
    if (calls.length > MAX_CALLS) calls.shift();
    if (latencyMs > 0) await new Promise<void>(resolve => clock.schedule(resolve, latencyMs));
    const headers = {
      'content-type': 'text/xml',
      'x-amzn-requestid': requestId,
      date: new Date(clock.wall()).toUTCString(),
      'cache-control': 'no-store',
    };
    return new Response(xml, { status, headers });
  });

  const emulator: StsEmulator = {
    app,
    accountId,
    sessions: store.sessions,
    secretsOf: store.secretsOf,
    calls,
    putIssuer(issuer) {
      providers.set(issuer.issuer, createProvider(issuer, { accountId, partition, clock, fetchIssuer, jwksMaxAgeMs }));
    },
    putRole(role) {
      const made = createRole(role, accountId, partition);
      roles.set(made.arn, made);
      return made.arn;
    },
    providerArn: issuer => providerArn(accountId, issuer, partition),
    fail({ code, message = 'A failure that was asked for', status, times = 1 }) {
      fault = { error: new StsError(code, message, status), left: times };
    },
  };
  for (const issuer of options.issuers ?? []) emulator.putIssuer(issuer);
  for (const role of options.roles ?? []) emulator.putRole(role);
  return emulator;
}

function callOf(
  request: WireRequest | undefined,
  rest: Pick<EmulatedCall, 'at' | 'requestId' | 'status' | 'code' | 'accessKeyId'>,
): EmulatedCall {
  const param = (name: string) => request?.params.get(name);
  return Object.freeze({
    ...rest,
    action: param('Action') ?? '',
    signed: request !== undefined && isSigned(request),
    roleArn: param('RoleArn'),
    sessionName: param('RoleSessionName'),
    durationSeconds: param('DurationSeconds'),
    policy: param('Policy') !== undefined,
  });
}

/** The socket's peer, where `@hono/node-server` put it; IPv4 in IPv6's clothes is shown as IPv4. */
function peerOf(env: unknown): string | undefined {
  const incoming = (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming;
  return incoming?.socket?.remoteAddress?.replace(/^::ffff:/, '');
}

import { describe, expect, it } from 'vitest';
import type { WorkloadStatus } from '../../../src/credentials/vending.ts';
import { createAdminApp } from '../../../src/http/admin/index.ts';
import { adminPolicy } from '../../../src/http/admin/policy.ts';
import type { Check } from '../../../src/http/admin/readiness.ts';
import { honoHandler } from '../../../src/http/node-adapter.ts';
import { serializeError } from '../../../src/http/response.ts';
import { createMetrics } from '../../../src/lib/metrics.ts';
import { workload } from '../../support/workload.ts';
import { keptLog } from '../support/sample.ts';
import { ask, listening } from '../support/wire.ts';

const env = { authenticated() {} };
const TOKEN = 'admin-token-'.padEnd(40, 'z');

function state(name: string, more: Partial<WorkloadStatus> = {}): WorkloadStatus {
  return {
    name,
    workload: workload({ name }),
    prefetch: true,
    state: 'valid',
    fetchedAt: Date.UTC(2026, 0, 1),
    expiresAt: Date.UTC(2026, 0, 1, 1),
    secondsLeft: 3_600,
    lastError: undefined,
    hadCredentials: true,
    ...more,
  };
}

const EMPTY = {
  state: 'empty',
  fetchedAt: undefined,
  expiresAt: undefined,
  secondsLeft: undefined,
  hadCredentials: false,
} as const;

function admin(options: { status?: WorkloadStatus[]; checks?: Check[]; token?: string | null; open?: boolean } = {}) {
  const { log, lines } = keptLog();
  const metrics = createMetrics();
  const token = options.token === undefined ? TOKEN : options.token;
  let access = {
    open: options.open ?? false,
    ...(token === null ? {} : { token: { file: '/t', value: token } }),
  };
  const app = createAdminApp({
    access: () => access,
    status: () => options.status ?? [state('alpha')],
    checks: () => options.checks ?? [],
    metrics,
    log,
  });
  const get = (path: string, authorization?: string) =>
    app.request(path, authorization === undefined ? {} : { headers: { Authorization: authorization } }, env);
  const change = (value: string) => {
    access = { open: false, token: { file: '/t', value } };
  };
  return { app, get, metrics, log, lines, change };
}

describe('unauthenticated clients', () => {
  it('learn a status from /healthz and /readyz and nothing else', async () => {
    const lastError = { code: 'AccessDenied', message: 'canary', transient: false, at: 1 };
    const { get } = admin({
      status: [state('alpha', { ...EMPTY, lastError })],
      checks: [{ name: 'audit log', status: 'failed', reason: 'canary' }],
    });
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    const reply = await get('/readyz');
    expect(reply.status).toBe(503);
    expect(await reply.json()).toEqual({ status: 'not_ready' });
    expect(await (await admin().get('/readyz')).json()).toEqual({ status: 'ready' });
  });

  it('may not ask about one workload, so they don’t learn which names exist', async () => {
    const { get } = admin({ status: [state('alpha', {}), state('beta', EMPTY)] });
    const replies = await Promise.all(['alpha', 'beta', 'nobody'].map(name => get(`/readyz?workload=${name}`)));
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401]);
    const [one, other] = await Promise.all(replies.map(reply => reply.text()));
    expect(one).toBe(other);
  });

  it.each(['/', '/metrics'])('get 401 at %s, with a wrong token too, and learn no name', async path => {
    const { get } = admin();
    for (const shown of [undefined, '', 'wrong', 'Bearer wrong', `${TOKEN}x`, `Basic ${TOKEN}`]) {
      const reply = await get(path, shown);
      expect(reply.status).toBe(401);
      expect(await reply.text()).not.toContain('alpha');
    }
  });

  it('stay unauthenticated where no admin token is configured, whatever they show', async () => {
    const { get } = admin({ token: null });
    for (const shown of [undefined, '', 'Bearer ', 'undefined'])
      expect((await get('/metrics', shown)).status).toBe(401);
  });
});

describe('who shows the admin token', () => {
  it.each([TOKEN, `Bearer ${TOKEN}`, `bearer ${TOKEN}`])('sees everything, by %j', async shown => {
    const { get } = admin();
    for (const path of ['/', '/metrics', '/readyz', '/healthz'])
      expect((await get(path, shown)).status, path).toBe(200);
  });

  it('sees what each workload has, and each check', async () => {
    const lastError = { code: 'AccessDenied', message: 'not you', transient: false, at: Date.UTC(2026, 0, 1, 0, 0, 5) };
    const checks: Check[] = [{ name: 'audit log', status: 'ok' }];
    const { get } = admin({ status: [state('alpha'), state('beta', { ...EMPTY, lastError })], checks });
    const reply = await get('/readyz', TOKEN);
    expect(reply.status).toBe(503);
    expect(await reply.json()).toEqual({
      status: 'not_ready',
      checks,
      workloads: [
        {
          name: 'alpha',
          ready: true,
          state: 'valid',
          fetched: '2026-01-01T00:00:00Z',
          expires: '2026-01-01T01:00:00Z',
          last_error: null,
        },
        {
          name: 'beta',
          ready: false,
          state: 'empty',
          fetched: null,
          expires: null,
          last_error: { code: 'AccessDenied', message: 'not you', at: '2026-01-01T00:00:05Z' },
        },
      ],
    });
  });

  it('is told that a name is nobody’s', async () => {
    const { get } = admin();
    expect((await get('/readyz?workload=alpha', TOKEN)).status).toBe(200);
    expect((await get('/readyz?workload=nobody', TOKEN)).status).toBe(404);
  });

  it('has to show the new one after a reload', async () => {
    const { get, change } = admin();
    change('another-token');
    expect((await get('/metrics', TOKEN)).status).toBe(401);
    expect((await get('/metrics', 'another-token')).status).toBe(200);
  });

  it('reads metrics in Prometheus’ text form', async () => {
    const { get, metrics } = admin();
    metrics.request('alpha', 'cached');
    const reply = await get('/metrics', TOKEN);
    expect(reply.headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await reply.text()).toContain('walletcreds_requests_total{workload="alpha",outcome="cached"} 1');
  });

  it('needs none where the configuration opens it', async () => {
    const { get } = admin({ open: true, token: null });
    for (const path of ['/', '/metrics']) expect((await get(path)).status).toBe(200);
    expect(await (await get('/readyz')).json()).toHaveProperty('workloads');
  });
});

describe('the status page', () => {
  it('shows state, expiry and last error, and escapes what came from elsewhere', async () => {
    const lastError = { code: 'X', message: '<script>alert("1")</script>', transient: false, at: 0 };
    const { get } = admin({
      status: [state('alpha', { lastError })],
      checks: [{ name: 'audit log', status: 'failed', reason: '<b>' }],
    });
    const html = await (await get('/', TOKEN)).text();
    expect(html).toContain('alpha');
    expect(html).toContain('2026-01-01T01:00:00Z');
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    expect(html).not.toMatch(/<script|<b>|src=|href=|url\(/);
  });

  it('lets a browser run nothing, load nothing, frame nothing', async () => {
    const policy = (await admin().get('/', TOKEN)).headers.get('Content-Security-Policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; /);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  });
});

describe('behind the listener', () => {
  it('opens for a browser’s navigation, takes ?workload=, and refuses a rebound name, POST and HEAD', async () => {
    const listen = [{ host: '127.0.0.1', port: 0 }];
    const { app, log } = admin({ open: true });
    const handler = honoHandler(app, serializeError);
    const { port } = await listening(handler, log, { name: 'admin', policy: adminPolicy({ listen }) });
    const page = await ask(port, 'GET / HTTP/1.1\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document');
    expect(page.status).toBe(200);
    expect(page.body).toContain('alpha');
    expect((await ask(port, 'GET /readyz?workload=alpha HTTP/1.1\nHost: ::1')).status).toBe(200);
    expect((await ask(port, 'GET /readyz?workload=beta HTTP/1.1')).status).toBe(404);
    const rebound = (await ask(port, 'GET / HTTP/1.1\nHost: rebound.example')).json();
    expect(rebound['code']).toBe('HostNotAllowed');
    expect(rebound['message']).toMatch(/admin\.listen/);
    expect((await ask(port, 'POST / HTTP/1.1\nOrigin: https://e.example')).json()['code']).toBe(
      'BrowserRequestRefused',
    );
    expect((await ask(port, 'POST / HTTP/1.1')).status).toBe(405);
    expect((await ask(port, 'GET /nowhere HTTP/1.1')).status).toBe(404);
  });
});

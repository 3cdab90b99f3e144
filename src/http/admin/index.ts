/**
 * The admin listener: `/healthz`, `/readyz[?workload=NAME]`, `/metrics`, and the status page at `/`.
 *
 * An unauthenticated client learns a status from the first two and nothing else. The rest needs the admin token.
 *
 * @module
 */
import { type Context, Hono } from 'hono';
import { createAdminAccess } from '../../auth/admin-token.ts';
import type { AdminConfig } from '../../config/types.ts';
import type { WorkloadStatus } from '../../credentials/vending.ts';
import { InvalidAuthorizationToken, NotFound } from '../../lib/errors.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { type AppEnv, rawPath } from '../node-adapter.ts';
import { httpResponse, publicError, serializeError, webResponse } from '../response.ts';
import { CONTENT_SECURITY_POLICY, statusPage } from './page.ts';
import { type Check, type Readiness, readiness } from './readiness.ts';

export type { Check } from './readiness.ts';

export interface AdminOptions {
  /** Read at each request, so that a reload takes effect. */
  readonly access: () => Pick<AdminConfig, 'token' | 'open'>;
  readonly status: () => readonly WorkloadStatus[];
  /** What must work beside the workloads; all of them shown, one failed makes the process not ready. */
  readonly checks: () => readonly Check[];
  readonly metrics: Metrics;
  readonly log: Logger;
}

const GET = ['GET'];
const json = (status: number, value: unknown) =>
  webResponse(httpResponse(status, 'application/json', `${JSON.stringify(value)}\n`));

/**
 * @example
 * ```ts
 * const app = createAdminApp({ access: () => config.admin, status: () => vending.status(), checks: () => [], metrics, log });
 * await (await app.request('/healthz')).json(); // { status: 'ok' }
 * ```
 */
export function createAdminApp(options: AdminOptions): Hono<AppEnv> {
  const { status, checks, metrics, log } = options;
  const mayRead = createAdminAccess(options.access);
  const isAuthenticated = (c: Context<AppEnv>) => {
    const authenticated = mayRead(c.req.header('Authorization'));
    if (authenticated) c.env.authenticated('admin');
    return authenticated;
  };
  const authenticate = (c: Context<AppEnv>) => {
    if (isAuthenticated(c)) return;
    throw new InvalidAuthorizationToken('this needs the admin token (admin.token_file) in the Authorization header');
  };

  const app = new Hono<AppEnv>({ getPath: rawPath });

  app.get('/healthz', () => json(200, { status: 'ok' }));

  app.get('/readyz', c => {
    const open = isAuthenticated(c);
    const named = c.req.query('workload');
    // Whether a name exists is for operators to know.
    if (named !== undefined) authenticate(c);
    const found = readiness(status(), checks(), named);
    if (open && !found.known) throw new NotFound('no workload has this name; /readyz lists them');
    return json(found.ready ? 200 : 503, open ? details(found) : { status: word(found) });
  });

  app.get('/metrics', async c => {
    authenticate(c);
    return webResponse(httpResponse(200, metrics.registry.contentType, await metrics.registry.metrics()));
  });

  app.get('/', c => {
    authenticate(c);
    const page = statusPage(readiness(status(), checks()));
    const headers = {
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    };
    return webResponse(httpResponse(200, 'text/html; charset=utf-8', page, headers));
  });

  app.notFound(() => webResponse(serializeError(new NotFound('nothing is served at this path'), GET)));
  app.onError(error => {
    if (publicError(error).status === 500) log.error({ listener: 'admin', ...errorFields(error) }, 'failed');
    return webResponse(serializeError(error, GET));
  });
  return app;
}

function details({ ready, workloads, checks }: Readiness) {
  return { status: word({ ready }), workloads, checks };
}

function word({ ready }: Pick<Readiness, 'ready'>): 'ready' | 'not_ready' {
  return ready ? 'ready' : 'not_ready';
}

/**
 * What of a Hono app its callers need. The library's types name this instead of Hono's own, since Hono is bundled: who
 * compiles against the package has no `hono` to look it up in.
 *
 * @module
 */
export interface WebApp {
  /**
   * Answers without a port.
   *
   * @example await app.request('http://sts/', { method: 'POST', body })
   */
  request(input: string | Request | URL, init?: RequestInit): Response | Promise<Response>;
  /** @param env what the listener says of the connection (`{ incoming }` of @hono/node-server) */
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
}

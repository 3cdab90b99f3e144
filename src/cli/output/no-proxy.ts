/**
 * `NO_PROXY` for the endpoint. Without it many clients send the request, token included, to the proxy.
 *
 * @module
 */

const PROXIES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

/**
 * Both spellings, since clients read one or the other. What either holds already stays in front.
 *
 * @param host without a port, and IPv6 without brackets
 * @returns nothing where the environment names no proxy
 */
export function noProxyFor(host: string, env: NodeJS.ProcessEnv): Record<string, string> {
  if (!PROXIES.some(name => env[name])) return {};
  const added = (list: string | undefined) => {
    const hosts = (list ?? '').split(',').map(entry => entry.trim());
    return hosts.includes('*') || hosts.includes(host) ? hosts.join(',') : [...hosts, host].filter(Boolean).join(',');
  };
  return {
    NO_PROXY: added(env['NO_PROXY'] || env['no_proxy']),
    no_proxy: added(env['no_proxy'] || env['NO_PROXY']),
  };
}

/**
 * Which clients refuse which form of `AWS_CONTAINER_CREDENTIALS_FULL_URI` before they ask, as their sources have it.
 *
 * @module
 */
import { ECS_ADDRESS, isLinkLocal } from '../../lib/addresses.ts';

/**
 * @returns `all`: why every client refuses it; `some`: those that do
 */
export function refusals(url: URL): { all: string | undefined; some: string[] } {
  const none = { all: undefined, some: [] };
  const { protocol, hostname } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return { ...none, all: `${protocol} is neither http nor https` };
  if (url.username !== '' || url.password !== '') return { ...none, all: 'a user name in the URI is sent by none' };
  if (hostname === '127.0.0.1') return none;
  if (hostname === 'localhost') {
    const some = protocol === 'http:' ? ['clients that try ::1 first, unless the endpoint listens on [::1] too'] : [];
    return { ...none, some };
  }
  if (protocol === 'https:') {
    return {
      ...none,
      some: ['JS v2 (127.0.0.1 and localhost only)', 'older botocore and AWS CLI (the same and 169.254.170.2)'],
    };
  }
  const old = 'JS v2 (127.0.0.1 and localhost only)';
  if (/^127\./.test(hostname) || hostname === '[::1]') {
    return {
      ...none,
      some: [old, 'older JS v3 and botocore (127.0.0.1 and localhost only)', 'Swift, which takes 127.0.0.1 only'],
    };
  }
  if (isLinkLocal(hostname.replace(/^\[|\]$/g, ''))) {
    const pod = hostname === ECS_ADDRESS ? [] : ['every SDK from before EKS Pod Identity (November 2023)'];
    return { ...none, some: [old, 'Kotlin and Swift over plain http', 'older Go and Java (loopback only)', ...pod] };
  }
  return {
    ...none,
    all: `plain http to ${hostname} is refused by every SDK: loopback and the link-local addresses of ECS and EKS alone are taken, a service's name never`,
  };
}

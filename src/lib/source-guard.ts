/**
 * Limits connections by CIDR lists on the socket's address. The address is never an identity.
 *
 * @module
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Whether the socket's own address may connect. Undefined, of a socket that is gone, passes no list. */
export type SourceGuard = (remoteAddress: string | undefined) => boolean;

/**
 * @param blocks CIDR blocks or single addresses; an empty list lets everybody pass
 * @throws Error naming the block that is none
 */
export function createSourceGuard(blocks: readonly string[]): SourceGuard {
  if (blocks.length === 0) return () => true;
  const list = new BlockList();
  for (const block of blocks) addBlock(list, block);
  return remoteAddress => {
    if (remoteAddress === undefined) return false;
    const address = plainAddress(remoteAddress);
    if (isIPv4(address)) return list.check(address, 'ipv4');
    return isIPv6(address) && list.check(address, 'ipv6');
  };
}

/** An IPv4 client of a dual-stack socket shows up as `::ffff:10.0.0.1`, a link-local one with its zone. */
function plainAddress(remoteAddress: string): string {
  const percent = remoteAddress.indexOf('%');
  const address = percent < 0 ? remoteAddress : remoteAddress.slice(0, percent);
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

function addBlock(list: BlockList, block: string): void {
  const slash = block.indexOf('/');
  const address = slash < 0 ? block : block.slice(0, slash);
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  const widest = family === 'ipv4' ? 32 : 128;
  const bits = slash < 0 ? String(widest) : block.slice(slash + 1);
  if (family === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > widest) {
    throw new Error(`"${block}" is no CIDR block; write it like 10.42.0.0/16 or fd00:ec2::/64`);
  }
  list.addSubnet(address, Number(bits), family);
}

/**
 * The wallet: `0x` and 40 hexadecimal digits, always lower case from here on.
 *
 * A mixed-case wallet in a session tag matches no lower-case prefix, which has caused an outage. Only {@link
 * parseWallet} makes the type. It checks the EIP-55 checksum of a mixed-case wallet, and then folds the case.
 *
 * @module
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

declare const brand: unique symbol;

/** A lower-case wallet address. */
export type Wallet = string & { readonly [brand]: 'Wallet' };

/** What {@link parseWallet} throws; the caller adds where the value stood. */
export class InvalidWallet extends Error {
  override readonly name = 'InvalidWallet';
}

const HEX40 = /^0x[0-9a-fA-F]{40}$/;

/**
 * @param input all-lower or all-upper hexadecimal counts as unchecksummed; mixed case must pass EIP-55
 * @throws InvalidWallet with what is wrong and how to fix it
 */
export function parseWallet(input: string): Wallet {
  if (!HEX40.test(input)) {
    throw new InvalidWallet(`${describe(input)}; a wallet is "0x" and 40 hexadecimal digits`);
  }
  const digits = input.slice(2);
  const lower = digits.toLowerCase();
  const checksummed = digits !== lower && digits !== digits.toUpperCase();
  if (checksummed && digits !== eip55(lower)) {
    throw new InvalidWallet(
      `mixed case that fails its EIP-55 checksum: a character is wrong; copy it again, or write it in lower case if you are sure (0x${lower})`,
    );
  }
  return `0x${lower}` as Wallet;
}

/** Whether a value is a wallet in the only form that may leave the process. */
export function isWallet(value: unknown): value is Wallet {
  return typeof value === 'string' && /^0x[0-9a-f]{40}$/.test(value);
}

/** The EIP-55 case of 40 lower-case digits: a digit is upper case where the hash's nibble is 8 or more. */
function eip55(lower: string): string {
  const hash = bytesToHex(keccak_256(utf8ToBytes(lower)));
  return [...lower].map((c, i) => (Number.parseInt(hash[i] ?? '0', 16) >= 8 ? c.toUpperCase() : c)).join('');
}

function describe(input: string): string {
  if (input === '') return 'empty';
  if (input.startsWith('0X')) return '"0X" is not a prefix here, write "0x"';
  if (!input.startsWith('0x')) return /^[0-9a-fA-F]{40}$/.test(input) ? '"0x" is missing in front' : 'no "0x" in front';
  const digits = input.slice(2);
  if (digits.length !== 40) return `${digits.length} digits after "0x"`;
  return 'a character that is no hexadecimal digit';
}

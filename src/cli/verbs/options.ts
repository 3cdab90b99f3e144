/**
 * Options that several verbs share, and the checks of their values.
 *
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';

const DEFAULT_CONFIG = 'walletcreds.yaml';

export function configOption(): Option {
  // An empty variable, as compose files have it, is none.
  return new Option('--config <FILE>', 'the configuration')
    .env('WALLETCREDS_CONFIG')
    .default(DEFAULT_CONFIG)
    .argParser(value => (value === '' ? DEFAULT_CONFIG : value));
}

export function jsonOption(): Option {
  return new Option('--json', 'as JSON, for programs');
}

/** Collects an option that may be given more than once. */
export function repeated(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** A first port of three: 1 to 65,533. */
export function port(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_533) {
    throw new InvalidArgumentError('a port is a number from 1 to 65533 (two more follow it).');
  }
  return number;
}

export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidArgumentError('a whole number from 1 up is expected.');
  }
  return number;
}

/** A URL that can be called: anything else would fail later, with less to say about where it came from. */
export function url(value: string): string {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw new InvalidArgumentError('a URL reads https://host:port.');
  }
  return value;
}

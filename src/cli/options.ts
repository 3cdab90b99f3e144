/**
 * Options that several commands share, the checks of their values, and the form of a command's help.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { pageUrl } from '../package.ts';

const DEFAULT_CONFIG = 'walletcreds.yaml';

export function configOption(): Option {
  // An empty variable, as compose files have it, counts as unset.
  return new Option('--config <FILE>', 'the configuration')
    .env('WALLETCREDS_CONFIG')
    .default(DEFAULT_CONFIG)
    .argParser(value => (value === '' ? DEFAULT_CONFIG : value));
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for programs');
}

export function endpointOption(): Option {
  return new Option('--endpoint <URL>', 'ask a running `walletcreds serve` instead of making an exchange').argParser(
    url,
  );
}

export function dialectOption(): Option {
  return new Option('--dialect <DIALECT>', 'the policy dialect (default: by the role’s ARN)').choices(['aws', 'ceph']);
}

export function issuerOption(): Option {
  return new Option('--issuer <URL>', 'the issuer, if another one signs the identity tokens').argParser(url);
}

/**
 * Adds examples and a link below the options.
 *
 * @param examples command lines without `$`
 * @param page of `docs/`
 */
export function withExamples(command: Command, page: string, ...examples: readonly string[]): Command {
  const title = examples.length === 1 ? 'Example:' : 'Examples:';
  const lines = examples.map(example => `  $ ${example}`);
  return command.addHelpText('after', ['', title, ...lines, '', `More: ${pageUrl(page)}`].join('\n'));
}

/** Collects an option that may be given more than once. */
export function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** The first of four consecutive ports: 1 to 65,532. */
export function port(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_532) {
    throw new InvalidArgumentError('a port is a number from 1 to 65532 (three more follow it).');
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

/** A URL that can be called. */
export function url(value: string): string {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw new InvalidArgumentError('a URL reads https://host:port.');
  }
  return value;
}

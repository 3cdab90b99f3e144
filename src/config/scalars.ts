/**
 * The kinds of single values, as schemas from text to a value. Messages never repeat the text: it may come from a variable or a
 * file.
 *
 * @module
 */
import * as z from 'zod/mini';
import { parseCidr, parseListen } from '../lib/addresses.ts';
import { parseEgressProxy } from '../lib/egress-proxy.ts';
import { InvalidValue } from '../lib/invalid-value.ts';
import { formatDuration, parseDuration } from '../lib/time/duration.ts';
import { parseRoleArn } from '../workload/role-arn.ts';
import { InvalidWallet, parseWallet } from '../workload/wallet.ts';
import { type ScalarInfo, scalarInfo } from './keys.ts';
import { parseRegion, parseTagValue, parseWalletTag } from './names.ts';
import { parseUrl } from './urls.ts';

/** In YAML the value may look like a number, or like anything. */
const NUMERIC = { type: ['string', 'number'] };
const ANY = { type: ['string', 'number', 'boolean'] };

/** A schema from a parser that throws {@link InvalidValue}, and what the reference calls it. */
function scalar<T>(name: string, parse: (text: string) => T, json?: ScalarInfo['json']) {
  const schema = z.pipe(
    z.string(),
    z.transform((text: string, context): T => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof InvalidValue || error instanceof InvalidWallet)) throw error;
        // An empty variable looks right in the file, so the message says it.
        const empty = text === '' && !error.message.includes('empty');
        context.issues.push({ code: 'custom', message: `${empty ? 'empty: ' : ''}${error.message}`, input: text });
        return z.NEVER;
      }
    }),
  );
  return schema.register(scalarInfo, { name, ...(json && { json }) });
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]) {
  const parse = (text: string): T => {
    const word = words.find(known => known === text);
    if (word === undefined) throw new InvalidValue(`must be ${words.map(known => `"${known}"`).join(' or ')}`);
    return word;
  };
  return scalar(words.map(word => `\`${word}\``).join(' or '), parse, { enum: words });
}

export const text = scalar(
  'text',
  value => {
    if (value === '') throw new InvalidValue('empty');
    return value;
  },
  ANY,
);

export const path = scalar('path', value => {
  if (value === '') throw new InvalidValue('empty; give the path of a file');
  if (value.includes('\0')) throw new InvalidValue('a path has no NUL');
  return value;
});

export const flag = scalar(
  '`true` or `false`',
  value => {
    if (value === 'true') return true;
    if (value === 'false') return false;
    throw new InvalidValue('must be true or false');
  },
  { type: ['boolean', 'string'] },
);

/** Milliseconds between two bounds. */
export function duration(min: number, max: number) {
  const range = `${formatDuration(min)} to ${formatDuration(max)}`;
  const parse = (value: string) => {
    const ms = parseDuration(value);
    if (ms < min || ms > max) throw new InvalidValue(`must be from ${range}`);
    return ms;
  };
  return scalar(`duration, ${range}`, parse, NUMERIC);
}

/** Whole seconds, which is what STS and JWTs count in. */
export function seconds(min: number, max: number) {
  const range = `${formatDuration(min * 1000)} to ${formatDuration(max * 1000)}`;
  const parse = (value: string) => {
    const ms = parseDuration(value);
    if (ms % 1000 !== 0) throw new InvalidValue('must be whole seconds');
    if (ms < min * 1000 || ms > max * 1000) throw new InvalidValue(`must be from ${range}`);
    return ms / 1000;
  };
  return scalar(`duration, ${range}`, parse, NUMERIC);
}

export function integer(min: number, max: number) {
  const parse = (value: string) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) throw new InvalidValue(`must be a whole number from ${min} to ${max}`);
    return number;
  };
  return scalar(`integer, ${min} to ${max}`, parse, { type: ['integer', 'string'], minimum: min, maximum: max });
}

/** Permission bits in octal: the owner reads, may write; the group may read; nothing else, since it would be refused. */
export const mode = scalar('file mode', parseMode, NUMERIC);

function parseMode(value: string): number {
  const bits = /^0?o?[0-7]{3}$/.test(value) ? Number.parseInt(value.slice(-3), 8) : Number.NaN;
  if (Number.isNaN(bits)) throw new InvalidValue('not a file mode; write "0600" or "0640"');
  if ((bits & ~0o640) !== 0 || (bits & 0o400) === 0) {
    throw new InvalidValue(
      'would let others write it or the world read it; "0600", "0640", "0400" and "0440" are possible',
    );
  }
  return bits;
}

export const variable = scalar('name of a variable', value => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) throw new InvalidValue('not the name of a variable');
  return value;
});

/** A further value of `Host`: a name or an address, without a port. */
export const host = scalar('host', value => {
  if (!/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[?[0-9A-Fa-f:.]+\]?)$/.test(value)) {
    throw new InvalidValue('not a host; write a name or an address, without a scheme and a port');
  }
  return value.toLowerCase();
});

export const url = scalar('URL', parseUrl);
export const egressProxy = scalar('`env`, `none` or URL of a proxy', value =>
  value === 'env' || value === 'none' ? value : parseEgressProxy(value),
);
export const wallet = scalar('wallet', parseWallet, NUMERIC);
export const cidr = scalar('CIDR block', parseCidr);
export const roleArn = scalar('role ARN', parseRoleArn);
export const region = scalar('region', parseRegion);
export const walletTag = scalar('tag key', parseWalletTag);
export const tagValue = scalar('tag value', parseTagValue);
export const address = scalar('address and port', parseListen);

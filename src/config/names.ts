/**
 * What AWS takes as a region and a tag, and which hosts are AWS's own.
 *
 * @module
 */
import { InvalidValue } from '../lib/invalid-value.ts';
import { isAwsHost } from '../lib/partitions.ts';
import { foldTagKey } from '../workload/tag-key.ts';

/** @throws InvalidValue */
export function parseRegion(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidValue('not a region; it reads us-east-1, in lower case');
}

/** Whether a URL leads to AWS itself, whose IAM then fetches the issuer's discovery document. */
export function isAws(url: string): boolean {
  return isAwsHost(new URL(url).hostname);
}

/** STS's limit for principal tags in one token, the wallet's own among them. */
export const MAX_TAGS = 50;

/** @throws InvalidValue unless STS takes it as the key of a tag */
export function parseTagKey(text: string): string {
  if (text.length > 128) throw new InvalidValue('the key of a tag has at most 128 characters');
  if (!/^[\p{L}\p{N} _.:/=+\-@]+$/u.test(text)) {
    throw new InvalidValue('the key of a tag has letters, digits, spaces and _.:/=+-@');
  }
  if (text.trim() !== text) throw new InvalidValue('the key of a tag neither begins nor ends with a space');
  if (foldTagKey(text).startsWith('aws:'))
    throw new InvalidValue('keys that begin with "aws:" belong to AWS; choose another');
  return text;
}

/**
 * Stricter than STS, which also takes `/` and nothing at all: a policy puts the value into a path, where an empty one or
 * one with a `/` opens what it should close.
 *
 * @throws InvalidValue
 */
export function parseTagValue(text: string): string {
  if (text === '') throw new InvalidValue('the value of a tag must not be empty');
  if (text.length > 256) throw new InvalidValue('the value of a tag has at most 256 characters');
  if (!/^[\p{L}\p{N} _.:=+\-@]+$/u.test(text)) {
    throw new InvalidValue(
      'the value of a tag has letters, digits, spaces and _.:=+-@ (no "/", since policies build paths of it)',
    );
  }
  return text;
}

const REGISTERED = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** The wallet's tag is also a bare claim, so it can't be one that means something else. @throws InvalidValue */
export function parseWalletTag(text: string): string {
  if (REGISTERED.has(text)) throw new InvalidValue(`"${text}" is a registered claim of every JWT; choose another name`);
  if (foldTagKey(text).startsWith('https://aws.amazon.com/')) {
    throw new InvalidValue('claims under https://aws.amazon.com/ are read by STS; choose another name');
  }
  return parseTagKey(text);
}

/** Names stand in paths of files and URLs, session names and metrics. */
export function isWorkloadName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(text);
}

/**
 * S3's answers as XML. A list is an element that repeats.
 *
 * @module
 */
import { escapeXml } from '../xml.ts';
import type { S3Error } from './errors.ts';

export type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlElements[] | readonly string[];

export interface XmlElements {
  readonly [name: string]: XmlValue;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(item => element(name, item as XmlElements | string)).join('');
  const inner = typeof value === 'object' ? elements(value as XmlElements) : escapeXml(String(value));
  return `<${name}>${inner}</${name}>`;
}

const elements = (values: XmlElements): string =>
  Object.entries(values)
    .map(([name, value]) => element(name, value))
    .join('');

export function documentXml(root: string, values: XmlElements): string {
  return `${HEAD}<${root} xmlns="${NAMESPACE}">${elements(values)}</${root}>`;
}

/** `<LocationConstraint>` is the one document whose root holds text; empty for us-east-1. */
export function locationXml(region: string): string {
  const inner = region === 'us-east-1' ? '' : escapeXml(region);
  return `${HEAD}<LocationConstraint xmlns="${NAMESPACE}">${inner}</LocationConstraint>`;
}

export function errorXml(error: S3Error, resource: string, requestId: string): string {
  const values = { Code: error.code, Message: error.message, Resource: resource, RequestId: requestId };
  return `${HEAD}<Error>${elements(values)}</Error>`;
}

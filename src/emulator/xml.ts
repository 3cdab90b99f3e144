/**
 * STS's answers as XML: the query protocol's envelope, with every value escaped.
 *
 * @module
 */
import type { StsError } from './errors.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** Elements by name; an undefined one is left out. */
export interface Elements {
  readonly [name: string]: string | number | Elements | undefined;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Escapes markup, and replaces what XML 1.0 can't hold at all (control characters, lone surrogates) by U+FFFD. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 forbids exactly these
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
      .replace(/[&<>"']/g, character => ENTITIES[character] ?? character)
  );
}

function render(elements: Elements, indent: string): string {
  let xml = '';
  for (const [name, value] of Object.entries(elements)) {
    if (value === undefined) continue;
    xml +=
      typeof value === 'object'
        ? `${indent}<${name}>\n${render(value, `${indent}  `)}${indent}</${name}>\n`
        : `${indent}<${name}>${escapeXml(String(value))}</${name}>\n`;
  }
  return xml;
}

/** `<ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>…` */
export function successXml(action: string, result: Elements, requestId: string): string {
  const body = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return `<${action}Response xmlns="${NAMESPACE}">\n${render(body, '  ')}</${action}Response>\n`;
}

/** `<ErrorResponse><Error><Type>…</Type><Code>…` */
export function errorXml(error: StsError, requestId: string): string {
  const Type = error.status >= 500 ? 'Receiver' : 'Sender';
  const body = { Error: { Type, Code: error.code, Message: error.message }, RequestId: requestId };
  return `<ErrorResponse xmlns="${NAMESPACE}">\n${render(body, '  ')}</ErrorResponse>\n`;
}

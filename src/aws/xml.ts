/**
 * As much XML as AWS's answers need: elements by name, text decoded. No entities of a document's own are expanded.
 *
 * @module
 */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The inner text of every element of that name, outermost first, undecoded. */
export function elements(xml: string, name: string): string[] {
  const out: string[] = [];
  const open = new RegExp(`<${name}(?:\\s[^<>]*)?(/)?>`, 'g');
  for (let match = open.exec(xml); match !== null; match = open.exec(xml)) {
    if (match[1] === '/') {
      out.push('');
      continue;
    }
    const end = xml.indexOf(`</${name}>`, open.lastIndex);
    if (end < 0) break;
    out.push(xml.slice(open.lastIndex, end));
    open.lastIndex = end;
  }
  return out;
}

/** The decoded text of the first element of that name; undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const [inner] = elements(xml, name);
  return inner === undefined ? undefined : decoded(inner);
}

export function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (all, dec, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    const code = Number.parseInt(dec ?? hex, dec === undefined ? 16 : 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

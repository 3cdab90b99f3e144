/**
 * As much XML as AWS's answers need: elements by name, text decoded. No entities of a document's own are expanded.
 *
 * @module
 */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The inner text of every element of that name, outermost first, undecoded. */
export function elements(xml: string, name: string): string[] {
  const out: string[] = [];
  const start = `<${name}`;
  const end = `</${name}>`;
  let at = xml.indexOf(start);
  while (at >= 0) {
    const close = xml.indexOf('>', at);
    if (close < 0) break;
    const attributes = xml.slice(at + start.length, close);
    let next = close + 1;
    // A longer name begins the same; a second "<" shows that this is no tag.
    if (/^(?:[\s/]|$)/.test(attributes) && !attributes.includes('<')) {
      if (attributes.endsWith('/')) out.push('');
      else {
        const until = xml.indexOf(end, next);
        if (until < 0) break;
        out.push(xml.slice(next, until));
        next = until;
      }
    }
    at = xml.indexOf(start, next);
  }
  return out;
}

/** The decoded text of the first element of that name; undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const [inner] = elements(xml, name);
  return inner === undefined ? undefined : decoded(inner);
}

export function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,16}));/g, (all, dec, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    const code = Number.parseInt(dec ?? hex, dec === undefined ? 16 : 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

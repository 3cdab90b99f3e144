/**
 * `walletcreds explain CODE`: what `docs/symptoms.md` says of a finding's or an error's code, without the network.
 *
 * @module
 */
import type { Command } from 'commander';
import { UsageError } from '../../lib/errors.ts';
import { nearest } from '../../lib/nearest.ts';
import { codeUrl, pageUrl, readPage } from '../../package.ts';
import type { Io, Run } from '../io.ts';
import { jsonOption, withExamples } from '../options.ts';

const PAGE = 'symptoms.md';

interface Explanation {
  readonly code: string;
  readonly title: string;
  /** Plain text; paragraphs are apart by an empty line. */
  readonly text: string;
  readonly link: string;
}

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, PAGE, 'walletcreds explain role-broad', 'walletcreds explain')
    .argument('[CODE]', 'a code from a finding, a log line or an answer; without it, all codes are listed')
    .description('Prints what a code means and how to fix it. It needs no network.')
    .addOption(jsonOption())
    .action(run(async (code: string | undefined, flags: { json?: boolean }) => explain(code, flags.json === true, io)));
}

/** @throws UsageError for an unknown code, with the nearest one */
function explain(code: string | undefined, json: boolean, io: Io): number {
  const all = explanations(readPage(PAGE));
  if (code === undefined) {
    const width = Math.max(...all.map(each => each.code.length));
    if (json)
      io.out(
        JSON.stringify(
          all.map(({ code, title }) => ({ code, title })),
          null,
          2,
        ),
      );
    else for (const { code, title } of all) io.out(`${code.padEnd(width)}  ${title}`);
    return 0;
  }
  const found = all.find(each => each.code.toLowerCase() === code.toLowerCase());
  if (found === undefined) {
    const near = nearest(
      code,
      all.map(each => each.code),
    );
    const hint = near === undefined ? '`walletcreds explain` lists the codes' : `did you mean ${near}?`;
    throw new UsageError(`explain: no code is called ${JSON.stringify(code)}; ${hint}`);
  }
  if (json) io.out(JSON.stringify(found, null, 2));
  else io.out(`${found.code}: ${found.title}\n\n${found.text}\n\nSee ${found.link}`);
  return 0;
}

/** The entries of the page: an anchor, a heading that ends in the code, and paragraphs up to the next heading or anchor. */
function explanations(page: string): Explanation[] {
  return page
    .split(/^<a id="/m)
    .slice(1)
    .map(part => {
      const [code = '', ...after] = part.split('"></a>');
      const rest = after.join('"></a>').trimStart();
      const [heading = '', ...lines] = rest.split('\n');
      const body = lines.join('\n').split(/^#{1,2} /m)[0] ?? '';
      return {
        code,
        title: plainText(heading.replace(/^#+ /, '').replace(` [\`${code}\`]`, '')),
        text: plainText(body.trim()),
        link: codeUrl(code),
      };
    });
}

/** Markdown without its marks; a link keeps its text, and its full URL unless it is an entry of the page itself. */
function plainText(markdown: string): string {
  const [first = '', ...rest] = markdown.split('](');
  let out = first;
  for (const part of rest) {
    const [target = '', ...after] = part.split(')');
    const [page = '', anchor] = target.split('#');
    const start = out.lastIndexOf('[');
    const url = page === '' ? '' : ` (${pageUrl(page, anchor)})`;
    out = `${out.slice(0, start)}${out.slice(start + 1)}${url}${after.join(')')}`;
  }
  return out.replace(/\*\*([^*]{1,99})\*\*/g, '$1').replaceAll('`', '');
}

import { describe, expect, it } from 'vitest';
import { FINDINGS } from '../../src/aws/doctor/findings.ts';
import { REQUEST_FAILURES } from '../../src/lib/error-kinds.ts';
import { files, read } from '../support/repository.ts';

const page = read('docs/symptoms.md');
const anchors = [...page.matchAll(/<a id="([^"]*)"><\/a>/g)].map(([, id = '']) => id);
/** GitHub makes one of every heading: lower case, hyphens for blanks, no punctuation. */
const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
  text
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-'),
);
const sources = files('src', '.ts').map(read).join('\n');
const verify = files('src/aws/verify', '.ts').map(read).join('\n');
const audit = files('src/audit', '.ts').map(read).join('\n');

describe('the page of symptoms', () => {
  it('has an entry for all that doctor finds, verify and audit verify say, or the endpoint answers', () => {
    const linked = [
      ...Object.keys(FINDINGS),
      ...[...sources.matchAll(/symptoms\.md#([\w-]+)/g)].map(([, id = '']) => id),
      // The codes of the endpoint's answers: STS's own are not ours to list, and only the broker limits rates.
      ...Object.keys(REQUEST_FAILURES).filter(code => code !== 'StsRefused' && code !== 'RateLimited'),
      // What verify names: a step's symptom, and why an answer of S3 proves nothing.
      ...[...verify.matchAll(/'(verify-[\w-]+|sts-[\w-]+)'/g)].map(([, id = '']) => id),
      // The findings of `audit verify`, and the codes that the audit log has in serve's log.
      ...[...audit.matchAll(/'(audit-[a-z-]+|Audit[A-Z][a-z]+)'/g)].map(([, id = '']) => id),
    ];
    expect(linked.length).toBeGreaterThan(80);
    expect(linked.filter(id => !anchors.includes(id))).toEqual([]);
  });

  it('has no entry that nothing links to', () => {
    expect(anchors.filter(id => !new RegExp(`['"]${id}['"]|symptoms\\.md#${id}\\b`).test(sources))).toEqual([]);
  });

  it('has each entry once, under a heading that shows its name', () => {
    expect(anchors.filter((id, i) => anchors.indexOf(id) !== i)).toEqual([]);
    const shown = [
      ...page.matchAll(/<a id="([^"]*)"><\/a>\n\n### .* \[`\1`\]\n\n\*\*Cause\.\*\* .+\n\n\*\*Fix\.\*\* .+$/gm),
    ];
    expect(anchors.filter(id => !shown.some(([, found]) => found === id))).toEqual([]);
  });

  it('is linked to by places that exist, from its own text and from the other pages', () => {
    const links = [
      ...[...page.matchAll(/\]\(#([^)]+)\)/g)],
      ...['README.md', 'SECURITY.md', ...files('docs', '.md')].flatMap(file => [
        ...read(file).matchAll(/symptoms\.md#([\w-]+)/g),
      ]),
    ].map(([, id = '']) => id);
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter(id => !anchors.includes(id) && !headings.includes(id))).toEqual([]);
  });
});

/**
 * The status page: one self-contained HTML document, no script, nothing from elsewhere.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Readiness, WorkloadReadiness } from './readiness.ts';

const STYLE = [
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}',
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .75rem;border-bottom:1px solid #ddd;vertical-align:top}',
  '.yes{color:#0a6b2d}.no{color:#a3140f}',
  '@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}.yes{color:#6fd08c}.no{color:#ff8a80}}',
].join('');

/** The style by its hash and nothing else: no script, no image, no frame around it, no form. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function statusPage({ ready, workloads, checks }: Readiness): string {
  const rows = workloads.map(workloadRow).join('');
  const others = checks
    .map(({ name, status, reason }) => `<li>${text(name)}: ${mark(status === 'ok', status)} ${text(reason ?? '')}</li>`)
    .join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="15"><title>walletcreds</title><style>${STYLE}</style></head>
<body><h1>walletcreds: ${mark(ready, ready ? 'ready' : 'not ready')}</h1>
<table><thead><tr><th>Workload</th><th>State</th><th>Fetched</th><th>Expires</th><th>Last error</th></tr></thead>
<tbody>${rows === '' ? '<tr><td colspan="5">No workload is configured.</td></tr>' : rows}</tbody></table>
${others === '' ? '' : `<h2>Checks</h2><ul>${others}</ul>`}
</body></html>
`;
}

function workloadRow({ name, ready, state, fetched, expires, last_error }: WorkloadReadiness): string {
  const error = last_error === null ? '' : `${last_error.at} ${last_error.code}: ${last_error.message}`;
  const cells = [text(name), mark(ready, state), text(fetched ?? '-'), text(expires ?? '-'), text(error)];
  return `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`;
}

function mark(good: boolean, label: string): string {
  return `<span class="${good ? 'yes' : 'no'}">${text(label)}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(raw: string): string {
  return raw.replace(/[&<>"']/g, character => ENTITIES[character] ?? '');
}

/**
 * STS can be reached, is STS, and agrees on the time.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Send } from './check-issuer.ts';
import { type Finding, finding } from './finding.ts';

/** Seconds between the clocks that are worth a word, and that break tokens (they live 300 s, Ceph has no leeway). */
const WORD = 10;
const BREAKS = 60;

export async function checkClock(config: Config, now: () => number, send: Send): Promise<Finding[]> {
  const { endpoint, caFile, timeoutMs, allowInsecureHttp } = config.sts;
  try {
    // Without an action STS answers an error, or redirects to its documentation: the Date header is all that counts.
    const url = `${endpoint.replace(/\/$/, '')}/?Action=GetCallerIdentity&Version=2011-06-15`;
    const answer = await send({
      url,
      method: 'POST',
      headers: { accept: 'application/xml' },
      body: '',
      timeoutMs,
      allowInsecureHttp,
      caFile,
      maxBytes: 64 * 1024,
    });
    const out: Finding[] = [];
    if (/html/i.test(answer.headers['content-type'] ?? '') || /^\s*<(!doctype )?html/i.test(answer.body)) {
      out.push(finding('sts-not-sts', `it answers ${answer.status} with HTML`, endpoint));
    }
    const date = Date.parse(answer.headers.date ?? '');
    const skew = Math.round((now() - date) / 1000);
    if (Number.isNaN(skew) || Math.abs(skew) <= WORD) return out;
    const what = `this machine's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} STS's`;
    return [...out, finding('clock-skew', what, endpoint, Math.abs(skew) > BREAKS ? {} : { severity: 'warning' })];
  } catch (error) {
    return [finding('sts-unreachable', error instanceof Error ? error.message : String(error), endpoint)];
  }
}

/**
 * STS can be reached, is STS, and agrees on the time.
 *
 * @module
 */
import type { Config } from '../../../config/types.ts';
import { OutboundError, type OutboundResponse } from '../../../lib/http-client.ts';
import { textOf } from '../../../lib/xml.ts';
import type { Dialect } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';
import type { Send } from './issuer.ts';

/** Seconds between the clocks that are worth a word, and that break tokens (they live 300 s, Ceph has no leeway). */
const WORD = 10;
const BREAKS = 60;

/** @param now wall time, ms */
export async function checkClock(config: Config, dialect: Dialect, now: () => number, send: Send): Promise<Finding[]> {
  const { endpoint, caFile, timeoutMs, allowInsecureHttp } = config.sts;
  let answer: OutboundResponse;
  try {
    answer = await send({
      // Nobody signs it, so STS refuses it: how it does shows that it is STS, and its Date what time it has.
      url: `${endpoint.replace(/\/$/, '')}/?Action=GetCallerIdentity&Version=2011-06-15`,
      method: 'POST',
      headers: { accept: 'application/xml' },
      body: '',
      timeoutMs,
      allowInsecureHttp,
      caFile,
      maxBytes: 64 * 1024,
    });
  } catch (error) {
    const redirected = error instanceof OutboundError && error.code === 'Redirected';
    const what = error instanceof Error ? error.message : String(error);
    return [finding(redirected ? 'sts-not-sts' : 'sts-unreachable', what, endpoint)];
  }
  const strange = notSts(answer, dialect);
  if (strange !== undefined) {
    return [finding('sts-not-sts', `it answers ${answer.status} with ${strange}`, endpoint)];
  }
  const skew = Math.round((now() - Date.parse(answer.headers.date ?? '')) / 1000);
  if (Math.abs(skew) <= WORD) return [];
  const what = `this machine's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} STS's`;
  return [finding('clock-skew', what, endpoint, Math.abs(skew) > BREAKS ? {} : { severity: 'warning' })];
}

/**
 * AWS answers `<ErrorResponse><Error><Code>`, an STS that asks no signature a `GetCallerIdentityResponse`, and Ceph what
 * S3 answers, `<Error><Code>`, which at AWS is S3 and not STS.
 *
 * @returns what came instead of STS's answer; undefined where it is one
 */
function notSts({ headers, body }: OutboundResponse, dialect: Dialect): string | undefined {
  const root = /^(?:<\?xml[^>]{0,100}>\s{0,8})?<([A-Za-z]\w{0,63})[\s>/]/.exec(body.trimStart())?.[1];
  const refused = root === 'ErrorResponse' || (root === 'Error' && dialect === 'ceph');
  const known = refused
    ? /^[A-Za-z][\w.]{0,63}$/.test(textOf(body, 'Code') ?? '')
    : root === 'GetCallerIdentityResponse';
  if (!known) return kindOf(body, root);
  return Number.isNaN(Date.parse(headers.date ?? '')) ? 'no Date that can be read' : undefined;
}

function kindOf(body: string, root: string | undefined): string {
  if (body.trim() === '') return 'an empty body';
  if (root === undefined)
    return /^[{[]/.test(body.trimStart()) ? 'JSON' : body.trimStart().startsWith('<') ? 'HTML' : 'text';
  if (root.toLowerCase() === 'html') return 'HTML';
  return root === 'Error' ? "S3's error" : "XML that isn't STS's";
}

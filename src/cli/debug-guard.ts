/**
 * Refuses to run `serve` with switches that open the memory of the process, weaken its parsers, or end TLS verification.
 *
 * @module
 */
import { url as inspectorUrl } from 'node:inspector';
import { UsageError } from '../lib/errors.ts';

/** Options of node that show what is in memory. A configuration file of node's own can hold any of the others. */
const OPENS_MEMORY =
  /^--(inspect|heapsnapshot-|report-|diagnostic-dir|heap-prof|cpu-prof|tls-keylog|trace-tls|experimental-(default-)?config-file)/;

/** Variables that make node print what it sends and receives, tokens included. */
const PRINTS_TRAFFIC = ['NODE_DEBUG', 'NODE_DEBUG_NATIVE'] as const;

/** What the guard looks at; by default that of this process. */
export interface DebugSurroundings {
  /** node's own arguments. */
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where a debugger can attach now; undefined where none can. */
  readonly inspector?: string | undefined;
}

/** @throws UsageError that names the switch and the fix */
export function refuseDebugging({ execArgv, env, inspector = inspectorUrl() }: DebugSurroundings): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new UsageError(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of every certificate; unset it and name the CA with ca_file',
    );
  }
  const given = [
    ...execArgv.map(option => ({ from: 'node', option: dashed(option) })),
    ...splitNodeOptions(env['NODE_OPTIONS'] ?? '').map(option => ({ from: 'NODE_OPTIONS', option: dashed(option) })),
  ];
  const lenient = given.find(({ option }) => nameOf(option) === '--insecure-http-parser');
  if (lenient !== undefined) {
    throw new UsageError(
      `${lenient.from} was given --insecure-http-parser, which accepts malformed requests that the checks of requests can misread; remove it`,
    );
  }
  if (env['WALLETCREDS_ALLOW_DEBUG'] === '1') return;
  const opening = given.find(({ option }) => OPENS_MEMORY.test(option));
  const printing = PRINTS_TRAFFIC.find(name => (env[name] ?? '') !== '');
  if (opening !== undefined) {
    throw refused(
      `${opening.from} was given ${nameOf(opening.option)}, which lets others read keys and credentials out of this process; remove it`,
    );
  }
  if (inspector !== undefined) {
    throw refused(
      'a debugger can attach to this process, and read keys and credentials out of it; start node without an inspector',
    );
  }
  if (printing !== undefined) {
    throw refused(`${printing} is set, which makes node print requests with their tokens; unset it`);
  }
}

function refused(reason: string): UsageError {
  return new UsageError(`${reason}, or set WALLETCREDS_ALLOW_DEBUG=1 if you know why`);
}

/** An option without its value. */
function nameOf(option: string): string {
  return option.split('=', 1)[0] ?? option;
}

/** node takes `_` for `-` in the name of an option. */
function dashed(option: string): string {
  return option.replaceAll('_', '-');
}

/** The options in `NODE_OPTIONS` as node reads them: quotes group and vanish anywhere, a backslash counts inside quotes alone. */
export function splitNodeOptions(text: string): string[] {
  const options: string[] = [];
  let current = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quoted && character === '\\') current += text.charAt(++i);
    else if (character === '"') quoted = !quoted;
    else if (character === ' ' && !quoted) {
      options.push(current);
      current = '';
    } else current += character;
  }
  return [...options, current].filter(option => option !== '');
}

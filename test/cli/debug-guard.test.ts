import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DebugSurroundings, refuseDebugging, splitNodeOptions } from '../../src/cli/debug-guard.ts';

const check = (found: Partial<DebugSurroundings>) => () => refuseDebugging({ execArgv: [], env: {}, ...found });

describe('the guard against debugging', () => {
  it('lets a plain process pass, and one whose options open nothing', () => {
    expect(check({})).not.toThrow();
    expect(
      check({ execArgv: ['--max-old-space-size=64'], env: { NODE_OPTIONS: '--enable-source-maps' } }),
    ).not.toThrow();
  });

  it('asks node whether a debugger can attach, whatever the options say', () => {
    expect(check({ inspector: 'ws://127.0.0.1:9229/x' })).toThrow('a debugger can attach to this process');
  });

  it('refuses what makes node print requests', () => {
    expect(check({ env: { NODE_DEBUG: 'http' } })).toThrow('NODE_DEBUG is set');
    expect(check({ env: { NODE_DEBUG_NATIVE: 'tls' } })).toThrow('NODE_DEBUG_NATIVE is set');
    expect(check({ env: { NODE_DEBUG: '' } })).not.toThrow();
  });

  it('refuses the lenient parser, for debugging too', () => {
    const lenient = { execArgv: ['--insecure-http-parser'] };
    expect(check(lenient)).toThrow('node was given --insecure-http-parser');
    expect(check({ ...lenient, env: { WALLETCREDS_ALLOW_DEBUG: '1' } })).toThrow('--insecure-http-parser');
    expect(check({ env: { NODE_OPTIONS: '--insecure_http"-parser"' } })).toThrow('NODE_OPTIONS was given');
  });

  it('lets who says WALLETCREDS_ALLOW_DEBUG=1 debug', () => {
    const env = { WALLETCREDS_ALLOW_DEBUG: '1', NODE_DEBUG: 'http', NODE_OPTIONS: '--inspect' };
    expect(check({ env, execArgv: ['--inspect'], inspector: 'ws://x' })).not.toThrow();
  });

  it('finds a switch in NODE_OPTIONS wherever its quotes stand', () => {
    const quoted = fc
      .tuple(
        fc.constantFrom('--inspect', '--inspect-brk=0', '--report_on_signal', '--tls-keylog=f'),
        fc.nat(),
        fc.nat(),
      )
      .map(([option, a, b]) => {
        const [from, to] = [a % (option.length + 1), b % (option.length + 1)].sort((x, y) => x - y) as [number, number];
        return `${option.slice(0, from)}"${option.slice(from, to)}"${option.slice(to)}`;
      });
    fc.assert(
      fc.property(quoted, fc.constantFrom('', '--enable-source-maps '), (option, before) => {
        expect(check({ env: { NODE_OPTIONS: before + option } })).toThrow('NODE_OPTIONS was given');
      }),
    );
  });

  it('reads NODE_OPTIONS as node does: a backslash escapes inside quotes alone', () => {
    expect(splitNodeOptions('--a "--b c" --d=\\x "--\\"e"')).toEqual(['--a', '--b c', '--d=\\x', '--"e']);
  });
});

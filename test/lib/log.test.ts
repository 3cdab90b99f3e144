import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLogger, gathered } from '../../src/lib/create-logger.ts';
import { errorFields } from '../../src/lib/log.ts';
import { masked } from '../../src/lib/text/masked.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('the log', () => {
  it('gathers the lines of a few milliseconds into one write, in their order', () => {
    vi.useFakeTimers();
    const writes: string[] = [];
    const out = gathered({ write: text => writes.push(text) });
    out.write('a\n');
    out.write('b\n');
    expect(writes).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(writes).toEqual(['a\nb\n']);
    out.write('c\n');
    vi.advanceTimersByTime(10);
    expect(writes).toEqual(['a\nb\n', 'c\n']);
  });

  it('doesn’t gather without bound: a long turn writes on the way', () => {
    const writes: string[] = [];
    const out = gathered({ write: text => writes.push(text) });
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 100; i++) out.write(line);
    expect(writes.length).toBeGreaterThan(1);
    expect(Math.max(...writes.map(text => text.length))).toBeLessThan(40_000);
  });

  it('holds no more than a mebibyte for a reader who has stalled, and says how many lines were lost', () => {
    vi.useFakeTimers();
    const writes: string[] = [];
    const stream = { write: (text: string) => writes.push(text), writableLength: 0 };
    const out = gathered(stream);
    const line = (text: string) => {
      out.write(`${text}\n`);
      vi.advanceTimersByTime(10);
    };
    line('a');
    stream.writableLength = 1024 * 1024 + 1;
    line('b');
    line('c');
    stream.writableLength = 0;
    line('d');
    expect(writes[0]).toBe('a\n');
    expect(JSON.parse(writes[1] ?? '')).toMatchObject({ level: 'error', lines: 2 });
    expect(writes.slice(2)).toEqual(['d\n']);
  });

  it('loses nothing when the process exits', () => {
    const writes: string[] = [];
    const listeners = process.listeners('exit').length;
    const [first, second] = [
      gathered({ write: text => writes.push(text) }),
      gathered({ write: text => writes.push(text) }),
    ];
    first.write('a\n');
    second.write('b\n');
    expect(process.listeners('exit').length - listeners).toBeLessThanOrEqual(1);
    for (const listener of process.listeners('exit')) if (listener.name === 'flushAll') listener(0);
    expect(writes).toEqual(['a\n', 'b\n']);
  });

  it('writes JSON lines with a level by name, an ISO time and the message', () => {
    const lines: string[] = [];
    createLogger({ destination: { write: line => lines.push(line) } }).info({ workload: 'alpha' }, 'vended');
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, string>;
    expect(rest).toEqual({ level: 'info', workload: 'alpha', msg: 'vended' });
    expect(Math.abs(Date.parse(time ?? '') - Date.now())).toBeLessThan(5_000);
    expect(new Date(time ?? '').toISOString()).toBe(time);
  });

  it('reduces an error to its code and its masked message', () => {
    const jwt = `${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`;
    const error = Object.assign(new Error(`refused ${jwt}`), { code: 'HPE_INVALID', rawPacket: Buffer.from('secret') });
    expect(errorFields(error)).toEqual({ code: 'HPE_INVALID', message: 'refused [jwt]' });
    expect(masked('x'.repeat(1_000))).toHaveLength(300);
  });

  it('does so to an error that is logged whole', () => {
    const jwt = `${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`;
    const lines: string[] = [];
    const err = Object.assign(new Error(`refused ${jwt}`), { code: 'HPE_INVALID', secret: 'canary' });
    createLogger({ destination: { write: line => lines.push(line) } }).error({ err }, 'failed');
    expect(JSON.parse(lines[0] ?? '')['err']).toEqual({ code: 'HPE_INVALID', message: 'refused [jwt]' });
  });

  it('lets nothing through that moves a terminal’s cursor', () => {
    expect(masked('no \x1b[2J\x1b[31mowned\x07\r\u009b1A \u202eok')).toBe('no  [2J [31mowned   1A  ok');
    expect(masked('one finding\nanother')).toBe('one finding\nanother');
  });
});

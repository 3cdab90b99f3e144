/**
 * Runs a property on text that is nearly right, for the kept seeds first and then for new ones until the time is over.
 *
 * `FUZZ_SECONDS` (300) is for all properties together. `FUZZ_SEED` makes the new seeds the same each time, and `FUZZ_CASES` bounds
 * how many of them each property tries. A seed that fails is printed; it belongs into seeds.json.
 *
 * @module
 */
import { type Random, random } from '../chaos/budget.ts';
import seeds from './seeds.json' with { type: 'json' };

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 300);
/** Far over what a loaded machine adds to a case that is quick, in three tries. */
const BLOCKED_MS = 50;

export type Name = keyof typeof seeds;

/** @param property rejects where it is broken. @returns how many cases there were */
export async function fuzz(name: Name, property: (chance: Random) => unknown): Promise<number> {
  const end = performance.now() + (SECONDS * 1_000) / Object.keys(seeds).length;
  const fresh = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  const most = Number(process.env['FUZZ_CASES'] ?? Number.POSITIVE_INFINITY);
  let cases = 0;
  const one = async (seed: number) => {
    cases++;
    try {
      await property(random(name, seed));
    } catch (error) {
      throw new Error(`seed ${seed} of "${name}" fails; keep it in test/fuzz/seeds.json`, { cause: error });
    }
  };
  for (const seed of seeds[name]) await one(seed);
  while (performance.now() < end && cases < most) await one(fresh + cases);
  console.log(`${name}: ${cases} cases, new seeds from ${fresh}`);
  return cases;
}

/** Runs what must not block. A slow try is repeated twice, since the machine may be busy. */
export function quick<T>(run: () => T): T {
  let fastest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3; tries++) {
    const began = performance.now();
    const outcome = outcomeOf(run);
    fastest = Math.min(fastest, performance.now() - began);
    if (fastest < BLOCKED_MS) return outcome();
  }
  throw new Error(`it blocks the event loop for ${Math.round(fastest)} ms`);
}

function outcomeOf<T>(run: () => T): () => T {
  try {
    const value = run();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

const WORDS = [
  '\0',
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\ufeff',
  '\ud800',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '\\',
  '/',
  '<',
  '>',
  '&',
  '%00',
  '%2f',
  '..',
  '*',
  '?',
  '${',
  '${wallet}',
  '$',
  ':',
  ',',
  '.',
  '=',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  'null',
  'true',
  '__proto__',
  'constructor',
  'toString',
  '<![CDATA[',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '&b;',
  '&#x0;',
  '!!js/function',
  '&a ',
  '*a',
  '<<: ',
  'Authorization: ',
  'Host: ',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Expect: 100-continue',
  'Upgrade: h2c',
  'Connection: ',
  'HTTP/1.0',
  'HTTP/2.0',
  'GET http://',
  'alg',
  'none',
  'crit',
  'kid',
  'x5c',
];

/** The text with up to eight faults: cut, doubled, swapped, flipped, or with a word from elsewhere in it. */
export function garbled(text: string, chance: Random): string {
  let out = text;
  for (let n = chance.below(8); n >= 0; n--) {
    const [a, b] = [chance.below(out.length + 1), chance.below(out.length + 1)];
    const [from, to] = a < b ? [a, b] : [b, a];
    switch (chance.below(8)) {
      case 0:
        out = out.slice(0, from) + out.slice(Math.min(to, from + 20));
        break;
      case 1:
        out = out.slice(0, from) + out.slice(from, to).repeat(1 + chance.below(3)) + out.slice(to);
        break;
      case 2:
        out = out.slice(0, from) + chance.pick(WORDS).repeat(chance.below(12) === 0 ? 2_000 : 1) + out.slice(from);
        break;
      case 3:
        out = out.slice(0, from) + String.fromCharCode(chance.below(0x250)) + out.slice(from + 1);
        break;
      case 4:
        out = out.slice(to) + out.slice(0, to);
        break;
      case 5:
        out = out.slice(0, from);
        break;
      default:
        out = out.slice(0, from) + chance.pick(WORDS) + out.slice(from + chance.below(6));
    }
    // No input that gets this far is longer.
    out = out.slice(0, 100_000);
  }
  return out;
}

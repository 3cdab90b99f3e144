import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from '../../scripts/reference/files.ts';
import { type Key, type Kind, root } from '../../scripts/reference/keys.ts';
import { TEMPLATE } from '../../src/config/template.ts';
import { METRICS } from '../../src/lib/metric-definitions.ts';
import { createRegistry } from '../../src/lib/prometheus.ts';
import { read } from '../support/repository.ts';

/** Every key by its dotted path. */
function* keys(value: Kind = root, path = ''): Iterable<readonly [string, Key]> {
  if ('item' in value) yield* keys(value.item, path);
  if (value.kind !== 'section') return;
  for (const key of value.keys) {
    const at = path === '' ? key.name : `${path}.${key.name}`;
    yield [at, key];
    yield* keys(key.value, at);
  }
}

const all = [...keys()];

describe('the reference of the configuration', () => {
  it.each(Object.entries(generatedFiles()))('%s is what `npm run reference` writes', (name, content) => {
    expect(read(name)).toBe(content);
  });

  it.each(all.filter(([, { info }]) => info.example !== undefined))('has an example of %s that is taken', (_, key) => {
    const text = (key.info.example ?? '').replaceAll('${env:NODE_NAME}', 'node-1');
    // Scalars stay text, as in the configuration itself.
    const value = parse(text, { schema: 'failsafe' });
    expect(key.type.safeParse(value)).toMatchObject({ success: true });
  });

  it('has a full sentence for each key', () => {
    expect(all.filter(([, { info }]) => !/[.)]$/.test(info.doc)).map(([path]) => path)).toEqual([]);
  });

  it('has no key that the file of `init` doesn’t show, but the one that only dev writes', () => {
    const shown = new Set([...TEMPLATE.matchAll(/(\w+):/g)].map(([, name]) => name));
    expect(all.filter(([, { name }]) => !shown.has(name)).map(([path]) => path)).toEqual(['dev']);
  });
});

describe('the reference of the metrics', () => {
  it('has the name, type and meaning of every metric that is scraped', async () => {
    const none = { take: () => {} };
    const { registry } = createRegistry({ requests: none, exchanges: none, durations: [], credentials: () => [] });
    const scraped = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => ({ name, type, help }));
    expect(scraped).toEqual(Object.values(METRICS).map(({ name, type, help }) => ({ name, type, help })));
  });
});

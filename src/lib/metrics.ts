/**
 * Prometheus metrics. Labels are workload and outcome, never wallet, token, path or key id.
 *
 * Counts are kept in plain maps, and given to prom-client at each scrape. Its look-up of labels would take 7 % of the
 * endpoint's throughput. Loading it would take a tenth of the start, so the first scrape loads it.
 *
 * @module
 */
import type { Registry } from 'prom-client';
import type { CredentialsGauge, Noted, NotedCounts } from './prometheus.ts';

/** A registry as far as anybody here asks for it; prom-client's own. */
export type Scrape = Pick<Registry, 'metrics' | 'getSingleMetricAsString'> & { readonly contentType: string };

export interface Metrics {
  readonly registry: Scrape;
  /** One answered request at the endpoint; workload `-` where none was recognised. */
  request(workload: string, outcome: string): void;
  /** One exchange at STS that ended, and how long it took. */
  exchange(workload: string, outcome: string, seconds: number): void;
  /** Called at each scrape. */
  onCollect(read: () => readonly CredentialsGauge[]): void;
}

/** Prometheus's text format, as prom-client names it. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Durations that wait for a scrape; where nobody scrapes, they go to prom-client in between. */
const MAX_WAITING = 1_000;

/** Counts by outcome and workload since they were last taken. Outcomes are few: a map for each workload would be 350 bytes. */
class Counts implements NotedCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(workload: string, outcome: string): void {
    let workloads = this.#counts.get(outcome);
    if (workloads === undefined) {
      workloads = new Map();
      this.#counts.set(outcome, workloads);
    }
    workloads.set(workload, (workloads.get(workload) ?? 0) + 1);
  }

  take(into: Parameters<NotedCounts['take']>[0]): void {
    for (const [outcome, workloads] of this.#counts) {
      for (const [workload, count] of workloads) into({ workload, outcome }, count);
    }
    this.#counts.clear();
  }
}

export function createMetrics(): Metrics {
  let read: () => readonly CredentialsGauge[] = () => [];
  const requests = new Counts();
  const exchanges = new Counts();
  const noted: Noted = { requests, exchanges, durations: [], credentials: () => read() };
  let measured: ReturnType<typeof open> | undefined;

  // A module of ours in between: what `import()` finds in a CommonJS package depends on who bundles it.
  async function open() {
    const { createRegistry } = await import('./prometheus.ts');
    return createRegistry(noted);
  }

  function opened() {
    measured ??= open();
    return measured;
  }

  return {
    registry: {
      contentType: CONTENT_TYPE,
      metrics: async () => (await opened()).registry.metrics(),
      getSingleMetricAsString: async name => (await opened()).registry.getSingleMetricAsString(name),
    },
    request: (workload, outcome) => requests.add(workload, outcome),
    exchange(workload, outcome, seconds) {
      exchanges.add(workload, outcome);
      if (noted.durations.push({ outcome, seconds }) < MAX_WAITING) return;
      opened().then(
        ({ take }) => take(),
        // The next scrape reports the error. Until then nothing may accumulate.
        () => noted.durations.splice(0),
      );
    },
    onCollect(callback) {
      read = callback;
    },
  };
}

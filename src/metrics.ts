/**
 * Prometheus metrics. Labels are workload and outcome, never wallet, token, path or key id.
 *
 * What happens is noted in plain maps and handed over to prom-client at each scrape: looking labels up there costs 7 % of
 * the endpoint's throughput, and loading it a tenth of the start, so it is loaded by the first scrape.
 *
 * @module
 */
import type { Registry } from 'prom-client';

/** A registry as far as anybody here asks for it; prom-client's own. */
export type Scrape = Pick<Registry, 'metrics' | 'getSingleMetricAsString'> & { readonly contentType: string };

/** What a scrape shows of each workload's credentials. */
export interface CredentialsGauge {
  readonly workload: string;
  readonly state: string;
  readonly secondsLeft: number | undefined;
}

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
const SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Durations that wait for a scrape; where nobody scrapes, they go to prom-client in between. */
const MAX_WAITING = 1_000;

/** Counts by workload and outcome since they were last taken. */
class Counts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(workload: string, outcome: string): void {
    let outcomes = this.#counts.get(workload);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.#counts.set(workload, outcomes);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  take(into: (labels: { workload: string; outcome: string }, count: number) => void): void {
    for (const [workload, outcomes] of this.#counts) {
      for (const [outcome, count] of outcomes) into({ workload, outcome }, count);
    }
    this.#counts.clear();
  }
}

export function createMetrics(): Metrics {
  const requests = new Counts();
  const exchanges = new Counts();
  let durations: { readonly outcome: string; readonly seconds: number }[] = [];
  let read: () => readonly CredentialsGauge[] = () => [];
  let registry: Promise<Registry> | undefined;
  let observe: (() => void) | undefined;

  async function open(): Promise<Registry> {
    const { Counter, Gauge, Histogram, Registry } = await import('prom-client');
    const made = new Registry();
    const registers = [made];
    const labelNames = ['workload', 'outcome'];
    new Counter({
      name: 'walletcreds_requests_total',
      help: 'Requests at the endpoint, by workload and outcome (ok_memory, ok_fresh, or the code of the refusal).',
      labelNames,
      registers,
      collect() {
        requests.take((labels, count) => this.inc(labels, count));
      },
    });
    new Counter({
      name: 'walletcreds_exchanges_total',
      help: 'AssumeRoleWithWebIdentity calls, by workload and outcome.',
      labelNames,
      registers,
      collect() {
        exchanges.take((labels, count) => this.inc(labels, count));
      },
    });
    const duration = new Histogram({
      name: 'walletcreds_exchange_duration_seconds',
      help: 'How long an AssumeRoleWithWebIdentity call took.',
      labelNames: ['outcome'],
      buckets: SECONDS,
      registers,
      collect: () => observe?.(),
    });
    observe = () => {
      for (const { outcome, seconds } of durations) duration.observe({ outcome }, seconds);
      durations = [];
    };
    new Gauge({
      name: 'walletcreds_credentials_seconds_to_expiry',
      help: 'Seconds for which the credentials in memory are still good; absent while there are none.',
      labelNames: ['workload'],
      registers,
      collect() {
        this.reset();
        for (const { workload, secondsLeft } of read())
          if (secondsLeft !== undefined) this.set({ workload }, secondsLeft);
      },
    });
    new Gauge({
      name: 'walletcreds_credentials_state',
      help: '1 for the state a workload is in: empty, fetching, valid, renewing, failing.',
      labelNames: ['workload', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { workload, state } of read()) this.set({ workload, state }, 1);
      },
    });
    return made;
  }

  function opened(): Promise<Registry> {
    registry ??= open();
    return registry;
  }

  return {
    registry: {
      contentType: CONTENT_TYPE,
      metrics: async () => (await opened()).metrics(),
      getSingleMetricAsString: async name => (await opened()).getSingleMetricAsString(name),
    },
    request: (workload, outcome) => requests.add(workload, outcome),
    exchange(workload, outcome, seconds) {
      exchanges.add(workload, outcome);
      durations.push({ outcome, seconds });
      if (durations.length >= MAX_WAITING) void opened().then(() => observe?.());
    },
    onCollect(callback) {
      read = callback;
    },
  };
}

/**
 * What Prometheus scrapes, on prom-client. The one file that loads it, itself loaded by the first scrape.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricDefinition } from './metric-definitions.ts';

const SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What a scrape shows of each workload's credentials. */
export interface CredentialsGauge {
  readonly workload: string;
  readonly state: string;
  readonly secondsLeft: number | undefined;
}

/** Counts by workload and outcome since they were last taken. */
export interface NotedCounts {
  take(into: (labels: { workload: string; outcome: string }, count: number) => void): void;
}

/** What was noted since the last scrape. */
export interface Noted {
  readonly requests: NotedCounts;
  readonly exchanges: NotedCounts;
  readonly durations: { readonly outcome: string; readonly seconds: number }[];
  readonly credentials: () => readonly CredentialsGauge[];
}

export interface Measured {
  readonly registry: Registry;
  /** Takes over what was noted of durations, without a scrape: they are noted one by one, and must not pile up. */
  take(): void;
}

export function createRegistry(noted: Noted): Measured {
  const registry = new Registry();
  const registers = [registry];
  const defined = ({ name, help, labelNames }: MetricDefinition) => ({ name, help, labelNames, registers });
  new Counter({
    ...defined(METRICS.requests),
    collect() {
      noted.requests.take((labels, count) => this.inc(labels, count));
    },
  });
  new Counter({
    ...defined(METRICS.exchanges),
    collect() {
      noted.exchanges.take((labels, count) => this.inc(labels, count));
    },
  });
  const duration = new Histogram({
    ...defined(METRICS.exchangeDuration),
    buckets: SECONDS,
    collect: () => take(),
  });
  const take = () => {
    for (const { outcome, seconds } of noted.durations.splice(0)) duration.observe({ outcome }, seconds);
  };
  new Gauge({
    ...defined(METRICS.secondsToExpiry),
    collect() {
      this.reset();
      for (const { workload, secondsLeft } of noted.credentials())
        if (secondsLeft !== undefined) this.set({ workload }, secondsLeft);
    },
  });
  new Gauge({
    ...defined(METRICS.state),
    collect() {
      this.reset();
      for (const { workload, state } of noted.credentials()) this.set({ workload, state }, 1);
    },
  });
  return { registry, take };
}

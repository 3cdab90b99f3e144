/**
 * What Prometheus scrapes, on prom-client. The one file that loads it, itself loaded by the first scrape.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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
  const labelNames = ['workload', 'outcome'];
  new Counter({
    name: 'walletcreds_requests_total',
    help: 'Requests at the endpoint, by workload and outcome (ok_memory, ok_fresh, or the code of the refusal).',
    labelNames,
    registers,
    collect() {
      noted.requests.take((labels, count) => this.inc(labels, count));
    },
  });
  new Counter({
    name: 'walletcreds_exchanges_total',
    help: 'AssumeRoleWithWebIdentity calls, by workload and outcome.',
    labelNames,
    registers,
    collect() {
      noted.exchanges.take((labels, count) => this.inc(labels, count));
    },
  });
  const duration = new Histogram({
    name: 'walletcreds_exchange_duration_seconds',
    help: 'How long an AssumeRoleWithWebIdentity call took.',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
    collect: () => take(),
  });
  const take = () => {
    for (const { outcome, seconds } of noted.durations.splice(0)) duration.observe({ outcome }, seconds);
  };
  new Gauge({
    name: 'walletcreds_credentials_seconds_to_expiry',
    help: 'Seconds for which the credentials in memory are still good; absent while there are none.',
    labelNames: ['workload'],
    registers,
    collect() {
      this.reset();
      for (const { workload, secondsLeft } of noted.credentials())
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
      for (const { workload, state } of noted.credentials()) this.set({ workload, state }, 1);
    },
  });
  return { registry, take };
}

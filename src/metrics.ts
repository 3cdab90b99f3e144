/**
 * Prometheus metrics. Labels are workload and outcome, never wallet, token, path or key id.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** One answered request at the endpoint; workload `-` where none was recognised. */
  request(workload: string, outcome: string): void;
  /** One exchange at STS that ended, and how long it took. */
  exchange(workload: string, outcome: string, seconds: number): void;
  /** Called at each scrape. */
  onCollect(read: () => readonly { workload: string; state: string; secondsLeft: number | undefined }[]): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Counted here and handed over at each scrape: looking labels up in prom-client costs 7 % of the endpoint's throughput.
  const counted = new Map<string, Map<string, number>>();
  new Counter({
    name: 'walletcreds_requests_total',
    help: 'Requests at the endpoint, by workload and outcome (ok_memory, ok_fresh, or the code of the refusal).',
    labelNames: ['workload', 'outcome'],
    registers,
    collect() {
      for (const [workload, outcomes] of counted) {
        for (const [outcome, count] of outcomes) this.inc({ workload, outcome }, count);
      }
      counted.clear();
    },
  });
  const exchanges = new Counter({
    name: 'walletcreds_exchanges_total',
    help: 'AssumeRoleWithWebIdentity calls, by workload and outcome.',
    labelNames: ['workload', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'walletcreds_exchange_duration_seconds',
    help: 'How long an AssumeRoleWithWebIdentity call took.',
    labelNames: ['outcome'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  let read: Parameters<Metrics['onCollect']>[0] = () => [];
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
  return {
    registry,
    request(workload, outcome) {
      let outcomes = counted.get(workload);
      if (outcomes === undefined) {
        outcomes = new Map();
        counted.set(workload, outcomes);
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    exchange(workload, outcome, seconds) {
      exchanges.inc({ workload, outcome });
      duration.observe({ outcome }, seconds);
    },
    onCollect(callback) {
      read = callback;
    },
  };
}

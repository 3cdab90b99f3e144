/**
 * The metrics: name, type, labels and meaning of each. `docs/metrics.md` is generated from here.
 *
 * @module
 */

/** What a label holds. */
export const LABELS = {
  workload:
    'The workload of the configuration; `(dynamic)` for a workload that its caller defines; `-` where no workload is known.',
  outcome: 'An outcome of the next table, or the code of an error.',
  state: '`empty`, `fetching`, `valid`, `renewing` or `failing`.',
} as const;

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labelNames: readonly (keyof typeof LABELS)[];
}

export const METRICS = {
  requests: {
    name: 'walletcreds_requests_total',
    type: 'counter',
    help: 'Requests at the endpoint, by workload and outcome (cached, fetched, or the code of the refusal).',
    labelNames: ['workload', 'outcome'],
  },
  exchanges: {
    name: 'walletcreds_exchanges_total',
    type: 'counter',
    help: 'AssumeRoleWithWebIdentity calls, by workload and outcome (ok, or the code of the error).',
    labelNames: ['workload', 'outcome'],
  },
  exchangeDuration: {
    name: 'walletcreds_exchange_duration_seconds',
    type: 'histogram',
    help: 'Duration of an AssumeRoleWithWebIdentity call, by outcome.',
    labelNames: ['outcome'],
  },
  secondsToExpiry: {
    name: 'walletcreds_credentials_seconds_to_expiry',
    type: 'gauge',
    help: 'Seconds until the cached credentials expire; absent without cached credentials.',
    labelNames: ['workload'],
  },
  state: {
    name: 'walletcreds_credentials_state',
    type: 'gauge',
    help: '1 for the state of the workload’s credentials (empty, fetching, valid, renewing, failing).',
    labelNames: ['workload', 'state'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The outcomes that aren't codes of errors. */
export const OUTCOMES = {
  cached: 'An answer of the endpoint from cached credentials.',
  fetched: 'An answer of the endpoint for which an exchange was made.',
  ok: 'An exchange that gave credentials.',
} as const;

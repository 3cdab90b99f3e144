/**
 * An audit window: how long, and for which caller, one record on disk covers vends of one set of credentials.
 *
 * @module
 */
import type { IssuedCredentials, Requester } from '../audit/event.ts';
import type { Workload } from '../workload/workload.ts';

/** Cached credentials, as far as audit windows are concerned. Most have one caller: the last window is looked at first. */
export interface Audited {
  readonly workload: Workload;
  readonly credentials: IssuedCredentials;
  window: AuditWindow | undefined;
  windows: Map<string, AuditWindow> | undefined;
}

/** The window of one caller for one set of credentials. */
export class AuditWindow {
  readonly subject: Audited;
  readonly tokenHash: string;
  readonly kind: Requester['kind'];
  /** Monotonic time at which it ends. */
  until = Number.NEGATIVE_INFINITY;
  /** Vends that no record has counted yet; -1: a record has counted one that is still to come. */
  uncounted = 0;
  /** The record that opens or prolongs it is being written. */
  writing: Promise<void> | undefined = undefined;

  constructor(subject: Audited, { tokenHash, kind }: Requester) {
    this.subject = subject;
    this.tokenHash = tokenHash;
    this.kind = kind;
  }

  get hasCount(): boolean {
    return this.uncounted > 0;
  }

  attach(): void {
    const { subject } = this;
    subject.windows ??= new Map();
    subject.windows.set(keyOf(this), this);
    subject.window = this;
  }

  detach(): void {
    const { subject } = this;
    subject.windows?.delete(keyOf(this));
    if (subject.window === this) subject.window = undefined;
    if (subject.windows?.size === 0) subject.windows = undefined;
  }
}

/** The window of this caller for these credentials, ended or not. */
export function findWindow(subject: Audited, caller: Requester): AuditWindow | undefined {
  const last = subject.window;
  if (last !== undefined && last.tokenHash === caller.tokenHash && last.kind === caller.kind) return last;
  const window = subject.windows?.get(keyOf(caller));
  if (window !== undefined) subject.window = window;
  return window;
}

function keyOf({ kind, tokenHash }: Requester): string {
  return `${kind} ${tokenHash}`;
}

/** Latency in milliseconds, in steps of about 4 %, in bounded memory. */
export class Latencies {
  static readonly #STEPS_PER_DOUBLING = 16;
  readonly #counts = new Uint32Array(20 * Latencies.#STEPS_PER_DOUBLING);
  #total = 0;

  add(ms: number): void {
    // From a sixteenth of a millisecond to about nine minutes.
    const step = Math.round(Math.log2(Math.max(ms, 1 / 16) * 16) * Latencies.#STEPS_PER_DOUBLING);
    const at = Math.min(step, this.#counts.length - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total++;
  }

  /** The value below which this share of all lies, undefined when there is none; three digits. */
  quantile(share: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = Math.max(1, Math.ceil(share * this.#total));
    for (const [at, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Number((2 ** (at / Latencies.#STEPS_PER_DOUBLING) / 16).toPrecision(3));
    }
    return undefined;
  }
}

/** What the fleet counts while it runs. */
export class Tally {
  /** Meters that are connected now. */
  connected = 0;
  mostConnected = 0;
  provisioned = 0;
  attached = 0;
  sent = 0;
  acknowledged = 0;
  /** Meters whose provisioning, login or attachment was refused, and messages acknowledged with an error. */
  refused = 0;
  /** On their way when the fleet itself dropped their connection. */
  interrupted = 0;
  /** On their way when the broker closed their connection, or never acknowledged. */
  lost = 0;
  /** Not sent because every meter was busy or away: the fleet fell behind its rate. */
  behind = 0;
  reconnects = 0;
  storms = 0;
  /** Connections the broker ended by itself, or that could not be opened. */
  broken = 0;
  readonly bad: Record<BadKind, BadTally> = {
    'wrong-token': { tries: 0, stopped: 0, letThrough: 0 },
    'bad-json': { tries: 0, stopped: 0, letThrough: 0 },
    oversize: { tries: 0, stopped: 0, letThrough: 0 },
    'abrupt-close': { tries: 0, stopped: 0, letThrough: 0 },
  };
  readonly latencies = new Latencies();
  /** Why meters were refused, each reason once. */
  readonly reasons = new Map<string, number>();

  joined(): void {
    this.connected++;
    this.mostConnected = Math.max(this.mostConnected, this.connected);
  }

  refuse(reason: string): void {
    this.refused++;
    const known = this.reasons.get(reason);
    // Texts come from the broker: their number is bounded.
    if (known !== undefined || this.reasons.size < 20) this.reasons.set(reason, (known ?? 0) + 1);
  }
}

export const BAD_KINDS = ['wrong-token', 'bad-json', 'oversize', 'abrupt-close'] as const;
export type BadKind = (typeof BAD_KINDS)[number];

export interface BadTally {
  tries: number;
  /** Refused, closed or answered with an error, as it should be. */
  stopped: number;
  /** Accepted as if nothing were wrong. */
  letThrough: number;
}

/** The end of a run as `--json` prints it. */
export interface Summary {
  /** Well-behaved ones; `connected` is how many of them were connected at most. */
  readonly meters: number;
  readonly badActors: number;
  readonly connected: number;
  readonly provisioned: number;
  readonly attached: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly interrupted: number;
  readonly lost: number;
  readonly behind: number;
  readonly reconnects: number;
  readonly storms: number;
  readonly brokenConnections: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly seconds: number;
  readonly perSecond: number;
  readonly bad: Readonly<Record<BadKind, Readonly<BadTally>>> | null;
  readonly reasons: Readonly<Record<string, number>>;
}

export function summaryOf(tally: Tally, facts: { meters: number; bad: number; sendingMs: number }): Summary {
  const seconds = facts.sendingMs / 1000;
  return {
    meters: facts.meters,
    badActors: facts.bad,
    connected: tally.mostConnected,
    provisioned: tally.provisioned,
    attached: tally.attached,
    sent: tally.sent,
    acknowledged: tally.acknowledged,
    refused: tally.refused,
    interrupted: tally.interrupted,
    lost: tally.lost,
    behind: tally.behind,
    reconnects: tally.reconnects,
    storms: tally.storms,
    brokenConnections: tally.broken,
    p50Ms: tally.latencies.quantile(0.5) ?? null,
    p99Ms: tally.latencies.quantile(0.99) ?? null,
    seconds: Number(seconds.toFixed(1)),
    perSecond: seconds > 0 ? Number((tally.acknowledged / seconds).toFixed(1)) : 0,
    bad: facts.bad > 0 ? tally.bad : null,
    reasons: Object.fromEntries(tally.reasons),
  };
}

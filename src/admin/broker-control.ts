/** One broker of the system, as the others see it. */
export interface BrokerLine {
  readonly id: string;
  /** This run of it: a broker that starts again is another one. */
  readonly run: string;
  readonly version: string;
  readonly startedAt: number;
  /** Listener -> place. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly sessions: number;
  /** `gone`: no sign of life for too long. */
  readonly state: 'live' | 'draining' | 'gone';
  /** Since its last sign of life, ms. */
  readonly silentMs: number;
}

/** The brokers of the system; `app` has it. */
export interface BrokerControl {
  list(): Promise<readonly BrokerLine[]>;
  /** Tells a broker to send its devices to the others; undefined when none of that name lives. Throws BAD_REQUEST without others. */
  drain(id: string): Promise<BrokerLine | undefined>;
}

import { unreachable } from './client.ts';
import { TARGET_FLAGS } from './device-link.ts';
import { CommandFailure, EXIT } from './io.ts';
import { badActor } from './simulate-bad.ts';
import { type FleetContext, Meter } from './simulate-meter.ts';

export interface FleetPlan {
  /** Well-behaved meters. */
  readonly meters: number;
  readonly bad: number;
  /** Messages per second of the whole fleet. */
  readonly rate: number;
  /** Undefined: until the signal. */
  readonly durationMs?: number;
  /** Every connection is dropped this often. */
  readonly stormMs?: number;
}

export type Phase = 'joining' | 'sending' | 'draining';

export interface FleetWatch {
  /** Tells the fleet to end early; what was sent is still waited for. */
  readonly stop: AbortSignal;
  onPhase(phase: Phase): void;
}

/** Meters that provision and connect at a time. */
const PARALLEL_JOINS = 50;
const TICK_MS = 10;
/** Below half of the keep-alive that the meters announce. */
const PING_MS = 25_000;
const DRAIN_MS = 10_000;
const STORM_SLICE = 50;

/**
 * Runs a fleet: all meters join, then they publish at the rate until the time is over, then the last acknowledgements are
 * awaited; `end` is called when nobody is to connect any more. Gives the milliseconds of sending. Throws a CommandFailure
 * when nobody answers or the profile is unknown.
 */
export async function runFleet(
  context: FleetContext,
  plan: FleetPlan,
  watch: FleetWatch,
  end: () => void,
): Promise<number> {
  const meters = Array.from({ length: plan.meters }, (_, index) => new Meter(context, index + 1));
  try {
    watch.onPhase('joining');
    await joinAll(context, meters, watch.stop);
    for (let number = 0; number < plan.bad; number++) void badActor(context, number);
    watch.onPhase('sending');
    const sendingMs = await send(context, meters, plan, watch.stop);
    watch.onPhase('draining');
    await drained(meters);
    return sendingMs;
  } finally {
    end();
    for (const meter of meters) meter.leave();
  }
}

/** The first alone: it finds out whether anybody answers, and whether the fleet is there already. */
async function joinAll(context: FleetContext, meters: readonly Meter[], stop: AbortSignal): Promise<void> {
  const [first, ...others] = meters;
  if (first === undefined) return;
  const { host, port } = context.target;
  const result = await first.onboard();
  if (result.kind === 'unreachable') {
    throw unreachable(`${host}:${port}`, result.error, TARGET_FLAGS);
  }
  if (result.kind === 'refused' && 'status' in result && result.status === 'NOT_FOUND') {
    const key = context.identity.profileKey;
    throw new CommandFailure(EXIT.findings, `${host}:${port} has no profile with the key ${key} and this secret.`);
  }
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let meter = others[next++]; meter !== undefined && !stop.aborted; meter = others[next++])
      await meter.onboard();
  };
  await Promise.all(Array.from({ length: PARALLEL_JOINS }, worker));
}

function send(context: FleetContext, meters: readonly Meter[], plan: FleetPlan, stop: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    let last = start;
    let due = 0;
    let turn = 0;
    let lastPing = start;
    let lastStorm = start;

    /** The next meter in turn that may send; undefined when all are busy or away. */
    const nextReady = (): Meter | undefined => {
      for (let tried = 0; tried < meters.length; tried++) {
        const meter = meters[turn++ % meters.length];
        if (meter?.ready) return meter;
      }
      return undefined;
    };
    const tick = (): void => {
      const now = performance.now();
      // Messages are due up to the end of the time, however late this tick comes.
      const until = plan.durationMs === undefined ? now : Math.min(now, start + plan.durationMs);
      due += (plan.rate * (until - last)) / 1000;
      last = until;
      for (; due >= 1; due--) {
        const meter = nextReady();
        if (meter === undefined) {
          context.tally.behind += Math.floor(due);
          due -= Math.floor(due);
          break;
        }
        meter.publish();
      }
      if (now - lastPing >= PING_MS) {
        lastPing = now;
        for (const meter of meters) meter.ping();
      }
      if (stop.aborted || (plan.durationMs !== undefined && now - start >= plan.durationMs)) {
        clearInterval(timer);
        resolve(now - start);
      } else if (plan.stormMs !== undefined && now - lastStorm >= plan.stormMs) {
        lastStorm = now;
        context.tally.storms++;
        storm(meters);
      }
    };
    const timer = setInterval(tick, TICK_MS);
  });
}

/** All connections end at once; they come back as fast as this process can, in slices that leave room for other work. */
function storm(meters: readonly Meter[]): void {
  const dark = meters.filter((meter) => meter.powerCut());
  const back = (): void => {
    for (const meter of dark.splice(0, STORM_SLICE)) meter.powerBack();
    if (dark.length > 0) setImmediate(back);
  };
  back();
}

/** Resolves when every message has its acknowledgement, or the broker is too late. */
function drained(meters: readonly Meter[]): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  return new Promise((resolve) => {
    const look = (): void => {
      if (meters.some((meter) => meter.inFlight > 0) && performance.now() < deadline) setTimeout(look, TICK_MS);
      else resolve();
    };
    look();
  });
}

import type { RedisConnection } from './connection.ts';

/** Whether Redis answers, and what its clock says: a small question goes to it all the time. */
export interface Pulse {
  readonly ok: boolean;
  /** Why not, in words for an operator. */
  readonly problem: string | undefined;
  /** Time of the clock of Redis, ms since 1970: never ahead of it, and behind by no more than the quickest answer took. */
  redisNow(): number;
  /** Compares the clocks anew, for one that was set. */
  compare(): Promise<void>;
  stop(): void;
}

const EVERY_MS = 1_000;
/** Without an answer for so long, nothing more is sent. */
const SILENT_MS = 2_000;
const KEPT_OFFSETS = 10;
const CLOCK = "local t = redis.call('TIME') return { t[1], t[2] }";
/** In the slot of the registry, whose steps compare times. */
const CLOCK_KEY = '{gm}:clock';

export interface PulseOptions {
  /** Redis has become there, or has gone: `problem` says why. */
  readonly onChange: (problem: string | undefined) => void;
  /** Redis is there, as it may have been before. */
  readonly onReady: () => void;
}

export function createPulse(connection: RedisConnection, { onChange, onReady }: PulseOptions): Pulse {
  /** How far the clock of Redis was ahead at least, by the last answers. */
  const offsets: number[] = [];
  /** Since when an answer is awaited. */
  let asked: number | undefined;
  let askedLast = Number.NEGATIVE_INFINITY;
  let refused: string | undefined;
  let reconnected = true;
  let wasOk = false;
  let stopped = false;

  function problem(): string | undefined {
    if (!connection.ready) {
      const { trouble } = connection;
      return `no connection to Redis${trouble === undefined ? '' : `: ${trouble}`}`;
    }
    if (refused !== undefined) return refused;
    const silentMs = asked === undefined ? 0 : performance.now() - asked;
    if (silentMs > SILENT_MS) return `Redis has not answered for ${Math.floor(silentMs / 1000)} s`;
    return offsets.length === 0 ? 'Redis has not answered yet' : undefined;
  }

  function look(): void {
    const now = problem();
    const ok = now === undefined;
    if (ok !== wasOk) {
      wasOk = ok;
      onChange(now);
    }
    if (ok) onReady();
  }

  /** @param anew what was measured before no longer counts: it may be another clock. */
  async function measure(anew: boolean): Promise<void> {
    askedLast = performance.now();
    asked ??= askedLast;
    try {
      const [seconds, micros] = (await connection.send('eval', [CLOCK, 1, CLOCK_KEY])) as [string, string];
      if (anew) offsets.length = 0;
      offsets.push(Number(seconds) * 1000 + Number(micros) / 1000 - Date.now());
      if (offsets.length > KEPT_OFFSETS) offsets.shift();
      refused = undefined;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      // Without a connection the connection itself says what is wrong.
      refused = connection.ready ? `Redis refuses: ${words}` : undefined;
    }
    asked = undefined;
    if (!stopped) look();
  }

  function beat(): void {
    const due = performance.now() - askedLast >= EVERY_MS;
    if (connection.ready && asked === undefined && due) {
      void measure(reconnected);
      reconnected = false;
    }
    look();
  }

  const timer = setInterval(beat, EVERY_MS / 4);
  timer.unref();
  connection.onChange(() => {
    if (stopped) return;
    // What was asked on the connection that is gone may never be answered.
    asked = undefined;
    askedLast = Number.NEGATIVE_INFINITY;
    reconnected = true;
    beat();
  });
  return {
    get ok() {
      return problem() === undefined;
    },
    get problem() {
      return problem();
    },
    redisNow: () => Date.now() + (offsets.length === 0 ? 0 : Math.max(...offsets)),
    compare: () => measure(true),
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

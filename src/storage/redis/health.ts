import type { RedisConnection } from './connection.ts';

/** Whether Redis answers, and what its clock says: a small question goes to it all the time. */
export interface Pulse {
  readonly ok: boolean;
  /** Why not, in words for an operator. */
  readonly problem: string | undefined;
  /** Time of the clock of Redis, ms since 1970. */
  redisNow(): number;
  /** Compares the clocks once more. */
  measure(): Promise<void>;
  stop(): void;
}

const EVERY_MS = 1_000;
/** Without an answer for so long, nothing more is sent. */
const SILENT_MS = 2_000;
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
  let offset: number | undefined;
  /** Since when an answer is awaited. */
  let asked: number | undefined;
  let askedLast = Number.NEGATIVE_INFINITY;
  let refused: string | undefined;
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
    return offset === undefined ? 'Redis has not answered yet' : undefined;
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

  async function measure(): Promise<void> {
    const before = Date.now();
    askedLast = performance.now();
    asked ??= askedLast;
    try {
      const [seconds, micros] = (await connection.send('eval', [CLOCK, 1, CLOCK_KEY])) as [string, string];
      offset = Number(seconds) * 1000 + Number(micros) / 1000 - (before + Date.now()) / 2;
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
    if (connection.ready && asked === undefined && due) void measure();
    look();
  }

  const timer = setInterval(beat, EVERY_MS / 4);
  timer.unref();
  connection.onChange(() => {
    if (stopped) return;
    // What was asked on the connection that is gone may never be answered.
    asked = undefined;
    askedLast = Number.NEGATIVE_INFINITY;
    beat();
  });
  return {
    get ok() {
      return problem() === undefined;
    },
    get problem() {
      return problem();
    },
    redisNow: () => Date.now() + (offset ?? 0),
    measure,
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

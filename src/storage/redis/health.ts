import type { RedisConnection } from './connection.ts';
import { KEYS } from './keys.ts';
import { explained } from './problems.ts';
import { loadScript } from './scripts.ts';

/** Whether Redis answers and has our data, and what its clock says: a small question goes to it all the time. */
export interface Pulse {
  /** It does, and has. It may refuse writes all the same. */
  readonly ok: boolean;
  /** Why not, or why it takes no writes, in words for an operator. */
  readonly problem: string | undefined;
  /** Another number after each change of the connection: there may be another Redis behind it, or other data. */
  readonly place: number;
  /** Time of the clock of Redis, ms since 1970: never ahead of it, and behind by no more than the quickest answer took. */
  redisNow(): number;
  /** Compares the clocks anew, for one that was set. */
  compare(): Promise<void>;
  stop(): void;
}

/** Seconds and microseconds of its clock, 1 when it has the data of a store, why it takes no writes. */
type PulseAnswer = readonly [seconds: string, micros: string, hasData: number, error: string];

const EVERY_MS = 1_000;
/** Without an answer for so long, nothing more is sent. */
const SILENT_MS = 2_000;
const KEPT_OFFSETS = 10;
const PULSE = loadScript('pulse');
const GONE = 'the data in Redis is gone: restore a backup, or start all brokers anew to begin with nothing';

export interface PulseOptions {
  /** Redis has become there, or has gone: `problem` says why. */
  readonly onChange: (problem: string | undefined) => void;
  /** Redis is there, as it may have been before. */
  readonly onReady: () => void;
}

export function createPulse(connection: RedisConnection, { onChange, onReady }: PulseOptions): Pulse {
  /** How far the clock of Redis was ahead of the monotonic one here at least, by the last answers: ours may be set anew. */
  const offsets: number[] = [];
  /** Since when an answer is awaited. */
  let asked: number | undefined;
  let askedLast = Number.NEGATIVE_INFINITY;
  let refused: string | undefined;
  let unwritable: string | undefined;
  /** What is behind the connection that stands now has been looked at. */
  let known = false;
  let place = 0;
  let hadData = false;
  let wasFine = false;
  let stopped = false;

  function absence(): string | undefined {
    if (!connection.ready) {
      const { trouble } = connection;
      return `no connection to Redis${trouble === undefined ? '' : `: ${trouble}`}`;
    }
    if (refused !== undefined) return refused;
    const silentMs = asked === undefined ? 0 : performance.now() - asked;
    if (silentMs > SILENT_MS) return `Redis has not answered for ${Math.floor(silentMs / 1000)} s`;
    return known ? undefined : 'Redis has not answered yet';
  }

  const problem = (): string | undefined => (connection.ready ? unwritable : undefined) ?? absence();

  function look(): void {
    const now = problem();
    const fine = now === undefined;
    if (fine !== wasFine) {
      wasFine = fine;
      onChange(now);
    }
    if (absence() === undefined) onReady();
  }

  /** @param anew what was measured before no longer counts: it may be another clock. */
  async function measure(anew: boolean): Promise<void> {
    askedLast = performance.now();
    asked ??= askedLast;
    try {
      const keys = [KEYS.pulse, KEYS.format];
      const answer = (await connection.send('eval', [PULSE.source, keys.length, ...keys])) as PulseAnswer;
      const [seconds, micros, hasData, error] = answer;
      if (anew) offsets.length = 0;
      offsets.push(Number(seconds) * 1000 + Number(micros) / 1000 - performance.now());
      if (offsets.length > KEPT_OFFSETS) offsets.shift();
      hadData ||= hasData === 1;
      refused = hadData && hasData === 0 ? GONE : undefined;
      unwritable = error === '' ? undefined : `Redis refuses writes: ${error}`;
      known = true;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      // Without a connection the connection itself says what is wrong.
      refused = connection.ready ? `Redis refuses: ${explained(words)}` : undefined;
    }
    asked = undefined;
    if (!stopped) look();
  }

  function beat(): void {
    const due = performance.now() - askedLast >= EVERY_MS;
    if (connection.ready && asked === undefined && due) {
      void measure(!known);
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
    known = false;
    place++;
    beat();
  });
  return {
    get ok() {
      return absence() === undefined;
    },
    get problem() {
      return problem();
    },
    get place() {
      return place;
    },
    redisNow: () => performance.now() + (offsets.length === 0 ? performance.timeOrigin : Math.max(...offsets)),
    compare: () => measure(true),
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

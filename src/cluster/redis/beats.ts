import type { Queue } from '../../storage/redis/queue.ts';
import type { RunId } from '../bus.ts';
import { KEYS } from './keys.ts';

export interface Beats {
  /** What the clock of Redis says, ms. */
  readonly now: number;
  /** Last sign of life of each run that is listed, by that clock. */
  readonly beats: ReadonlyMap<RunId, number>;
}

export async function readBeats(queue: Queue): Promise<Beats> {
  const scored = (await queue.send('zrange', [KEYS.beats, 0, -1, 'WITHSCORES'])) as readonly string[];
  const [seconds = '0', micros = '0'] = (await queue.send('time', [])) as readonly string[];
  return { beats: beatsOf(scored), now: Math.floor(Number(seconds) * 1_000 + Number(micros) / 1_000) };
}

/** @param scored runs, each with its score behind it. */
export function beatsOf(scored: readonly string[]): ReadonlyMap<RunId, number> {
  const beats = new Map<RunId, number>();
  for (let at = 0; at < scored.length; at += 2) beats.set(scored[at] as RunId, Number(scored[at + 1]));
  return beats;
}

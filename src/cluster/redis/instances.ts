import { setTimeout as pause } from 'node:timers/promises';
import { BrokerError } from '../../errors.ts';
import type { Log } from '../../observe/index.ts';
import type { Queue } from '../../storage/redis/queue.ts';
import { loadScript } from '../../storage/redis/scripts.ts';
import { epochOf, type RunId } from '../bus.ts';
import type { InstanceFacts, InstanceInfo, Instances } from '../instances.ts';
import { beatsOf, readBeats } from './beats.ts';
import { inboxKey, KEYS } from './keys.ts';
import { ownPlace } from './process-place.ts';

const BEAT = loadScript('instance-beat');
const LEAVE = loadScript('instance-leave');
const TURN = loadScript('take-turn');
const LEAVE_KEYS = [KEYS.instances, KEYS.beats, KEYS.leader];

export interface BeatTimes {
  readonly everyMs: number;
  /** Silence after which a run counts as dead. */
  readonly deadMs: number;
}

/** An inbox outlives the last heartbeat of its run by this, ms. */
const INBOX_MS = 120_000;
/** Runs that have left and are still known as such. */
const MAX_DEPARTED = 1_000;
/** A run that nothing is known of may have begun so short ago, ms. */
const UNKNOWN_MS = 10_000;
/** Between two looks whether it is one's turn, ms. */
const TURN_LOOK_MS = 50;

interface RedisInstances extends Instances {
  /** The first heartbeat: from now on this instance is listed. */
  join(): Promise<void>;
}

export function redisInstances(
  queue: Queue,
  self: RunId,
  parts: { readonly facts: () => InstanceFacts; readonly times: BeatTimes; readonly log: Log },
): RedisInstances {
  const { facts, times, log } = parts;
  const joined: ((run: RunId) => void)[] = [];
  const gone: ((run: RunId) => void)[] = [];
  const returned: (() => void)[] = [];
  /** Last sign of life of each run, ms by the clock of Redis. */
  let beats: ReadonlyMap<RunId, number> = new Map();
  let infos: readonly InstanceInfo[] = [];
  const suspects = new Map<RunId, number>();
  const departed = new Set<RunId>();
  let leadsUntil = 0;
  let answeredAt: number | undefined;
  /** Before that the silence of others says nothing: Redis was away, or this instance, and they may be as late. */
  let judgesFrom = 0;
  let turns = 0;
  let beating: Promise<void> | undefined;
  let closed = false;

  const readInfos = async (runs: ReadonlyMap<RunId, number>, now: number): Promise<readonly InstanceInfo[]> => {
    if (runs.size === 0) return [];
    const texts = (await queue.send('hmget', [KEYS.instances, ...runs.keys()])) as readonly (string | null)[];
    const found = [...runs].flatMap(([run, at], index): InstanceInfo[] => {
      const told = factsOf(texts[index] ?? null);
      return told === undefined ? [] : [{ ...told, run, silentMs: Math.max(0, now - at) }];
    });
    return found.sort((a, b) => a.epoch - b.epoch || (a.run < b.run ? -1 : 1));
  };

  const beat = async (first: boolean): Promise<void> => {
    const before = performance.now();
    const keys = [KEYS.instances, KEYS.beats, KEYS.leader, inboxKey(self), KEYS.toAll];
    const words = [self, JSON.stringify({ ...facts(), process: ownPlace }), times.deadMs, INBOX_MS];
    const [known, now, leads, scored] = (await queue.script(BEAT, keys, words)) as [number, number, number, string[]];
    if (closed) return;
    leadsUntil = leads === 1 ? before + times.deadMs : 0;
    const answered = performance.now();
    if (answeredAt !== undefined && answered - answeredAt > times.deadMs / 2) judgesFrom = answered + times.deadMs;
    answeredAt = answered;
    const former = beats;
    beats = beatsOf(scored);
    for (const [run, at] of suspects) if ((beats.get(run) ?? 0) > at) suspects.delete(run);
    infos = await readInfos(beats, now);
    if (!first && known === 0) for (const listener of returned) listener();
    for (const [run, at] of beats) {
      if (run === self) continue;
      if (now - at >= times.deadMs && answered >= judgesFrom) for (const listener of gone) listener(run);
      else if (!former.has(run)) for (const listener of joined) listener(run);
    }
    for (const run of former.keys()) {
      if (beats.has(run)) continue;
      departed.add(run);
      for (const listener of gone) listener(run);
    }
    for (const run of departed) if (departed.size > MAX_DEPARTED || beats.has(run)) departed.delete(run);
  };

  const timer = setInterval(() => {
    beating ??= beat(false)
      .catch((error: unknown) => log.warn({ event: 'cluster.beat', err: error }, 'no sign of life could be given'))
      .finally(() => {
        beating = undefined;
      });
  }, times.everyMs);
  timer.unref();

  const isLive = (run: RunId): boolean => {
    if (run === self) return true;
    if (suspects.has(run) || departed.has(run)) return false;
    const info = infos.find((one) => one.run === run);
    if (info === undefined) return Date.now() - epochOf(run) < UNKNOWN_MS;
    return info.silentMs < times.deadMs || performance.now() < judgesFrom;
  };

  return {
    self,
    join: () => beat(true),
    async list() {
      const { beats: runs, now } = await readBeats(queue);
      return readInfos(runs, now);
    },
    get others() {
      return infos.filter(({ run }) => run !== self && isLive(run));
    },
    isLive,
    suspect: (run) => void suspects.set(run, beats.get(run) ?? 0),
    async forget(run) {
      await queue.script(LEAVE, LEAVE_KEYS, [run]);
    },
    get leads() {
      return performance.now() < leadsUntil;
    },
    async inTurn(work, ms) {
      const mine = `${self} ${++turns}`;
      const ask = async (forMs: number) => (await queue.script(TURN, [KEYS.turn], [mine, forMs])) === 1;
      for (const until = performance.now() + ms; !(await ask(ms)); await pause(TURN_LOOK_MS)) {
        if (performance.now() >= until) {
          throw new BrokerError('DEADLINE_EXCEEDED', { detail: 'another instance is at it: try again' });
        }
      }
      try {
        return await work();
      } finally {
        // What was done is done: a turn that cannot be given back ends by itself.
        await ask(0).catch((error: unknown) =>
          log.warn({ event: 'cluster.turn', err: error }, 'a turn was not given back'),
        );
      }
    },
    onJoined: (listener) => void joined.push(listener),
    onGone: (listener) => void gone.push(listener),
    onReturned: (listener) => void returned.push(listener),
    async close() {
      closed = true;
      clearInterval(timer);
      await beating;
      await queue.script(LEAVE, LEAVE_KEYS, [self]);
    },
  };
}

function factsOf(text: string | null): InstanceFacts | undefined {
  if (text === null) return undefined;
  try {
    const told = JSON.parse(text) as Partial<InstanceFacts>;
    const { id = '', epoch = 0, startedAt = 0, version = '', addresses = {}, draining = false, sessions = 0 } = told;
    return { id, epoch, startedAt, version, addresses, draining, sessions };
  } catch {
    return undefined;
  }
}

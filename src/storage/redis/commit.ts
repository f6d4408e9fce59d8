import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError } from '../../errors.ts';
import type { Word } from './connection.ts';
import type { Queue } from './queue.ts';
import { jsonOf } from './records.ts';
import { loadStep } from './scripts.ts';

/**
 * One atomic step over the slot of the registry. What `work` reads is noted with what was found; its writes are applied in one
 * script only if all of that still stands, else `work` runs again. It may run several times: it must have no other effect.
 */
export interface Draft {
  /** A field of a hash. */
  field(key: string, field: string): Promise<string | undefined>;
  /** A field that holds JSON. */
  record<T>(key: string, field: string): Promise<T | undefined>;
  /** The members of a sorted set that begin with `prefix`, at most `limit`. */
  members(key: string, prefix: string, limit?: number): Promise<readonly string[]>;
  /** Whether the hash has the field, whatever it holds. */
  has(key: string, field: string): Promise<boolean>;
  /** Refuses the step, so that `work` runs again, unless it is so. */
  expectField(key: string, field: string, text: string | undefined): void;
  expectNone(key: string, prefix: string): void;
  expectBelow(key: string, field: string, bound: number): void;
  expectUnlisted(key: string, member: string): void;
  /** Whether fewer than `bound` members begin with `prefix`; true also refuses the step unless it is so. */
  fewer(key: string, prefix: string, bound: number): Promise<boolean>;
  /** Whether the sorted set has the member. */
  listed(key: string, member: string): Promise<boolean>;
  write(command: string, key: string, ...words: readonly Word[]): void;
}

export interface Commits {
  /**
   * Counts as one write. Of one `subject` in this process one runs at a time, in call order.
   * @param bytes about what the writes hold.
   */
  run<T>(subject: string, work: Work<T>, bytes?: number): Promise<T>;
  /** The same within a write that is counted already. */
  step<T>(subject: string, work: Work<T>): Promise<T>;
}

/** @param again false at the first try. */
type Work<T> = (draft: Draft, again: boolean) => Promise<T>;

/** Times that a step begins anew because others change what it reads. */
const MAX_TRIES = 100;
/** How long Redis remembers that a step was done: longer than a repeat of it can come, ms. */
const KEEP_MS = 15_000;
const STEP = loadStep('commit');

interface Noted {
  readonly checks: (readonly [kind: string, key: string, ...words: Word[]])[];
  readonly writes: (readonly [command: string, key: string, ...words: Word[]])[];
}

export function createCommits(queue: Queue): Commits {
  const tails = new Map<string, Promise<unknown>>();

  async function attempt<T>(work: Work<T>): Promise<T> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const noted: Noted = { checks: [], writes: [] };
      const answer = await work(draftOf(queue, noted), tries > 0);
      if (noted.writes.length === 0) return answer;
      const { keys, args } = toWords(noted);
      if ((await queue.step(STEP, keys, args)) === 'done') return answer;
      // Others want the same: the later the try, the longer and the more random the pause.
      if (tries > 2) await sleep(Math.random() * Math.min(tries, 20));
    }
    throw new BrokerError('STORE_UNAVAILABLE', { reason: 'too many writers change the same records' });
  }

  async function step<T>(subject: string, work: Work<T>): Promise<T> {
    const before = tails.get(subject);
    const mine = before === undefined ? attempt(work) : before.then(() => attempt(work));
    const tail = mine.then(
      () => undefined,
      () => undefined,
    );
    tails.set(subject, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(subject) === tail) tails.delete(subject);
    }
  }

  return { run: (subject, work, bytes = 512) => queue.write(bytes, () => step(subject, work)), step };
}

function draftOf(queue: Queue, { checks, writes }: Noted): Draft {
  async function field(key: string, name: string): Promise<string | undefined> {
    const found = (await queue.send('hget', [key, name])) as string | null;
    const text = found ?? undefined;
    expectField(key, name, text);
    return text;
  }
  function expectField(key: string, name: string, text: string | undefined): void {
    checks.push(text === undefined ? ['field', key, name] : ['field', key, name, text]);
  }
  return {
    field,
    expectField,
    async record<T>(key: string, name: string) {
      const text = await field(key, name);
      return text === undefined ? undefined : jsonOf<T>(text);
    },
    async members(key, prefix, limit = -1) {
      const span = spanOf(prefix);
      const found = await membersOf(queue, key, prefix, { limit });
      checks.push(['range', key, ...span, limit, ...found]);
      return found;
    },
    async has(key, name) {
      const found = (await queue.send('hexists', [key, name])) as number;
      checks.push(['has', key, name, found]);
      return found === 1;
    },
    expectNone: (key, prefix) => void checks.push(['range', key, ...spanOf(prefix), 1]),
    expectBelow: (key, name, bound) => void checks.push(['below', key, name, bound]),
    expectUnlisted: (key, member) => void checks.push(['listed', key, member, 0]),
    async fewer(key, prefix, bound) {
      if ((await memberCount(queue, key, prefix)) >= bound) return false;
      checks.push(['fewer', key, ...spanOf(prefix), bound]);
      return true;
    },
    async listed(key, member) {
      const found = (await queue.send('zscore', [key, member])) === null ? 0 : 1;
      checks.push(['listed', key, member, found]);
      return found === 1;
    },
    write: (command, key, ...words) => void writes.push([command, key, ...words]),
  };
}

/** Bounds of the members that begin with `prefix`, which is empty or ends with a NUL. */
const spanOf = (prefix: string): readonly [string, string] =>
  prefix === '' ? ['-', '+'] : [`[${prefix}`, `(${prefix.slice(0, -1)}\u0001`];

/** The members of a sorted set that begin with `prefix`, in order; -1: no limit. */
export async function membersOf(
  queue: Queue,
  key: string,
  prefix: string,
  { offset = 0, limit = -1 }: { readonly offset?: number; readonly limit?: number } = {},
): Promise<readonly string[]> {
  return (await queue.send('zrangebylex', [key, ...spanOf(prefix), 'LIMIT', offset, limit])) as readonly string[];
}

/** How many such members there are. */
export async function memberCount(queue: Queue, key: string, prefix: string): Promise<number> {
  if (prefix === '') return (await queue.send('zcard', [key])) as number;
  return (await queue.send('zlexcount', [key, ...spanOf(prefix)])) as number;
}

/** Keys once each, and the words that name them by their number; the key of the operation is the first. */
function toWords({ checks, writes }: Noted): { readonly keys: readonly string[]; readonly args: readonly Word[] } {
  const numbers = new Map<string, number>();
  const numberOf = (key: string): number => {
    const number = numbers.get(key) ?? numbers.size + 2;
    numbers.set(key, number);
    return number;
  };
  const args: Word[] = [KEEP_MS, checks.length];
  for (const [kind, key, ...words] of checks) args.push(kind, numberOf(key), words.length, ...words);
  for (const [command, key, ...words] of writes) args.push(words.length, command, numberOf(key), ...words);
  return { keys: [...numbers.keys()], args };
}

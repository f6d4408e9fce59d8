import { randomBytes } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import type { StorageHealth } from '../storage.ts';
import type { RedisConnection, Word } from './connection.ts';
import { createPulse } from './health.ts';
import { operationKey } from './keys.ts';
import { bare, failureOf } from './problems.ts';
import { runScript, type Script } from './scripts.ts';

/** The edge to Redis: what waits for it is bounded in bytes and in time, and a refused step is not done later. */
export interface Queue {
  /** One command; safe to repeat, since a lost reply makes it go twice. */
  send(command: string, words: readonly Word[]): Promise<unknown>;
  /** As `send`; texts in the reply are bytes. */
  sendBuffer(command: string, words: readonly Word[]): Promise<unknown>;
  /** A script that is safe to repeat. */
  script(script: Script, keys: readonly string[], args: readonly Word[]): Promise<unknown>;
  /** As `script`, for a device that waits to be let in: not for long. */
  scriptForLogin(script: Script, keys: readonly string[], args: readonly Word[]): Promise<unknown>;
  /** As `script`, never after its deadline, which is put in front of the arguments. `since`: when its wait began. */
  timed(script: Script, keys: readonly string[], args: readonly Word[], since?: number): Promise<unknown>;
  /** As `timed` for several calls at once, each with a slot of its own; all are repeated when one has to be. */
  timedAll(script: Script, calls: readonly ScriptCall[], since?: number): Promise<readonly unknown[]>;
  /** A step behind the prelude: the key of its operation and its deadline are put in front. */
  step(script: Script, keys: readonly string[], args: readonly Word[]): Promise<unknown>;
  /**
   * Counts `work` as one write until it settles. Refused with SHUTTING_DOWN after `close`, and with STORE_UNAVAILABLE when more
   * bytes wait than may.
   */
  write<T>(bytes: number, work: () => Promise<T>): Promise<T>;
  /** A name for an operation that is to be done once. */
  operationId(): string;
  /** Counts a write that joins others, until `release` is called for it; gives the error when it is refused. */
  admit(bytes: number): BrokerError | undefined;
  release(writes: number, bytes: number): void;
  /** Work of the store's own, which `drain` waits for; errors are the caller's. */
  background<T>(work: () => Promise<T>): Promise<T>;
  health(): StorageHealth;
  /** Resolves when every write called so far has settled. */
  drain(): Promise<void>;
  /** Drains, then closes the connection. */
  close(): Promise<void>;
  /** Resolves when Redis has answered; rejects with STORE_UNAVAILABLE when it does not in time. */
  opened(timeoutMs: number): Promise<void>;
  readonly clustered: boolean;
}

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Word[];
}

export interface QueueOptions {
  /** Bytes of writes that may wait for Redis. */
  readonly maxPendingBytes?: number;
  /** How long a write or a read waits for a Redis that is away, ms; shorter than steps are remembered. */
  readonly waitMs?: number;
  /** How long one try waits for its answer, ms. */
  readonly commandMs?: number;
  readonly onTrouble?: (problem: string) => void;
  readonly onRecovery?: () => void;
}

/** A try is given up a little after Redis has stopped taking it, so that what was refused is not done later. */
const MARGIN_MS = 250;
const RETRY_PAUSE_MS = 50;
/** An answer that takes so long is trouble: after a time away, Redis has much to do before it is as quick as before. */
const SLOW_MS = 1_000;
/** Below the time that a message has in its chains: it is refused then, and comes again, and is no dead letter. */
const WAIT_MS = 8_000;
const LOGIN_WAIT_MS = 3_000;
/** What a Redis says that will not let us in. */
const REFUSED = /\b(?:WRONGPASS|NOAUTH|NOPERM)\b/;

interface Try {
  readonly until: number;
  readonly giveUp: () => void;
}

export function createQueue(connection: RedisConnection, options: QueueOptions = {}): Queue {
  const { maxPendingBytes = 64 * 1024 * 1024, waitMs = WAIT_MS, commandMs = 2_000 } = options;
  const ourName = randomBytes(9).toString('base64url');
  const waiting = new Set<() => void>();
  const tries = new Set<Try>();
  const writes = new Set<Promise<unknown>>();
  let operations = 0;
  let pendingWrites = 0;
  let pendingBytes = 0;
  let closing: Promise<void> | undefined;
  let closed = false;
  let sweeper: NodeJS.Timeout | undefined;
  let troubledAt: number | undefined;

  const pulse = createPulse(connection, {
    onChange(problem) {
      if (problem !== undefined) options.onTrouble?.(problem);
      else {
        troubledAt = performance.now();
        options.onRecovery?.();
      }
    },
    onReady: wake,
  });

  function wake(): void {
    if (waiting.size === 0) return;
    const ready = [...waiting];
    waiting.clear();
    for (const go of ready) go();
  }

  function unavailable(cause?: unknown): BrokerError {
    const reason = pulse.problem ?? 'Redis did not answer in time';
    return new BrokerError('STORE_UNAVAILABLE', { reason }, cause === undefined ? {} : { cause: bare(cause) });
  }

  /** Until Redis is there. In order: all that waits goes in one turn, before anything that comes later. */
  function untilReady(until: number): Promise<void> | undefined {
    if (pulse.ok) return undefined;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(
        () => {
          waiting.delete(done);
          reject(unavailable());
        },
        Math.max(0, until - performance.now()),
      );
      waiting.add(done);
    });
  }

  /** Settles as `work` does, or rejects when its time is over. One timer looks after all of them. */
  function within<T>(work: Promise<T>, until: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const one: Try = { until, giveUp: () => reject(unavailable()) };
      tries.add(one);
      sweeper ??= setInterval(sweep, 100);
      work.then(
        (value) => {
          tries.delete(one);
          resolve(value);
        },
        (error: unknown) => {
          tries.delete(one);
          reject(error);
        },
      );
    });
  }

  function sweep(): void {
    const now = performance.now();
    for (const one of tries) {
      if (one.until > now) break;
      tries.delete(one);
      one.giveUp();
    }
    if (tries.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
  }

  async function persist<T>(
    attempt: (deadline: number) => Promise<T>,
    since = performance.now(),
    longestMs = waitMs,
  ): Promise<T> {
    const until = since + Math.min(longestMs, waitMs);
    for (;;) {
      if (closed) throw new BrokerError('SHUTTING_DOWN');
      const wait = untilReady(until);
      if (wait !== undefined) await wait;
      try {
        const deadline = Math.ceil(pulse.redisNow() + commandMs);
        const { place } = pulse;
        const sent = performance.now();
        const answer = await within(attempt(deadline), sent + commandMs + MARGIN_MS);
        if (performance.now() - sent > SLOW_MS) troubledAt = performance.now();
        if (pulse.place === place) return answer;
        // It may be that of a Redis that has come back empty: asked again, once that is known.
        if (performance.now() > until) throw unavailable();
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind === 'final') throw failure.error;
        troubledAt = performance.now();
        if (failure.kind === 'late') await pulse.compare();
        if (performance.now() + RETRY_PAUSE_MS > until) throw unavailable(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      }
    }
  }

  const operationId = (): string => `${ourName}${++operations}`;

  function admit(bytes: number): BrokerError | undefined {
    if (closing !== undefined) return new BrokerError('SHUTTING_DOWN');
    if (pendingBytes + bytes > maxPendingBytes) {
      const detail = 'Too many writes are waiting for Redis.';
      return new BrokerError('STORE_UNAVAILABLE', { detail, pendingWrites });
    }
    pendingWrites++;
    pendingBytes += bytes;
    return undefined;
  }

  function release(count: number, bytes: number): void {
    pendingWrites -= count;
    pendingBytes -= bytes;
  }

  function tracked<T>(work: Promise<T>): Promise<T> {
    const forget = (): void => void writes.delete(settled);
    const settled: Promise<void> = work.then(forget, forget);
    writes.add(settled);
    return work;
  }

  async function drain(): Promise<void> {
    while (writes.size > 0) await Promise.all(writes);
  }

  return {
    clustered: connection.clustered,
    send: (command, words) => persist(() => connection.send(command, words)),
    sendBuffer: (command, words) => persist(() => connection.sendBuffer(command, words)),
    script: (script, keys, args) => persist(() => runScript(connection.send, script, keys, args)),
    scriptForLogin: (script, keys, args) =>
      persist(() => runScript(connection.send, script, keys, args), performance.now(), LOGIN_WAIT_MS),
    operationId,
    timed: (script, keys, args, since) =>
      persist((deadline) => runScript(connection.sendWrite, script, keys, [deadline, ...args]), since),
    timedAll: (script, calls, since) =>
      persist(async (deadline) => {
        const sent = calls.map(({ keys, args }) => runScript(connection.sendWrite, script, keys, [deadline, ...args]));
        // None may still be under way when they are sent again.
        const answers = await Promise.allSettled(sent);
        return answers.map((answer) => {
          if (answer.status === 'rejected') throw answer.reason;
          return answer.value;
        });
      }, since),
    step(script, keys, args) {
      const operation = operationKey(operationId());
      return persist((deadline) => runScript(connection.sendWrite, script, [operation, ...keys], [deadline, ...args]));
    },
    write(bytes, work) {
      const refused = admit(bytes);
      if (refused !== undefined) return Promise.reject(refused);
      return tracked(work().finally(() => release(1, bytes)));
    },
    admit,
    release,
    background: (work) => tracked(work()),
    health() {
      const { problem } = pulse;
      const last = problem === undefined ? troubledAt : performance.now();
      return {
        ok: problem === undefined,
        pendingWrites,
        ...(problem === undefined ? {} : { problem }),
        ...(last === undefined ? {} : { troubledAt: last }),
      };
    },
    drain,
    close() {
      closing ??= drain().finally(() => {
        closed = true;
        pulse.stop();
        if (sweeper !== undefined) clearInterval(sweeper);
        connection.close();
      });
      return closing;
    },
    async opened(timeoutMs) {
      const wait = untilReady(performance.now() + timeoutMs);
      if (wait === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      // A wrong password stays wrong: waiting for it only hides the mistake.
      const refused = new Promise<never>((_, reject) => {
        timer = setInterval(() => {
          if (REFUSED.test(pulse.problem ?? '')) reject(unavailable());
        }, 50);
      });
      try {
        await Promise.race([wait, refused]);
      } finally {
        clearInterval(timer);
      }
    },
  };
}

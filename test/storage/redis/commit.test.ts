import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Commits, createCommits, type Draft } from '../../../src/storage/redis/commit.ts';
import { openConnection } from '../../../src/storage/redis/connection.ts';
import { KEYS, operationKey } from '../../../src/storage/redis/keys.ts';
import { createQueue, type Queue } from '../../../src/storage/redis/queue.ts';
import { loadStep } from '../../../src/storage/redis/scripts.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

describe('redis: steps that are done wholly, once, and in time', () => {
  let redis: TestRedis;
  let queue: Queue;
  let commits: Commits;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(async () => {
    await redis.client.flushall();
    queue = createQueue(openConnection(standalone()));
    await queue.opened(5_000);
    commits = createCommits(queue);
  });
  afterEach(() => queue.close());

  const standalone = () => ({ target: { kind: 'standalone', host: redis.host, port: redis.port } }) as const;
  const add = (subject: string) =>
    commits.run(subject, async (draft) => {
      const next = Number((await draft.field(KEYS.settings, 'n')) ?? 0) + 1;
      draft.write('hset', KEYS.settings, 'n', next);
      return next;
    });

  it('steps of one subject run in call order', async () => {
    expect(await Promise.all(Array.from({ length: 20 }, () => add('one')))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it('steps that read what another changes begin anew: no change is lost', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => add(String(i))));
    expect(new Set(answers).size).toBe(30);
    expect(await redis.client.hget(KEYS.settings, 'n')).toBe('30');
  });

  describe('one step by itself', () => {
    const step = loadStep('commit');
    const keys = [operationKey('one'), KEYS.audit];
    /** No checks, one write. */
    const words = (deadline: number) => [deadline, 15_000, 0, 1, 'rpush', 2, 'once'];
    const run = (deadline: number) => redis.client.eval(step.source, keys.length, ...keys, ...words(deadline));

    it('a repeat after a lost answer gives the first answer and writes nothing, also when it comes late', async () => {
      expect(await run(Date.now() + 5_000)).toBe('done');
      expect(await run(Date.now() + 5_000)).toBe('done');
      expect(await run(0)).toBe('done');
      expect(await redis.client.lrange(KEYS.audit, 0, -1)).toEqual(['once']);
      expect(await redis.client.pttl(operationKey('one'))).toBeGreaterThan(5_000);
    });

    it('one that comes after its deadline changes nothing', async () => {
      await expect(run(Date.now() - 5_000)).rejects.toThrow('LATE');
      expect((await redis.client.keys('*')).filter((key) => key !== KEYS.pulse)).toEqual([]);
    });
  });

  it('a Redis that stops answering costs no order and no write: all is done once when it goes on', async () => {
    await add('one');
    redis.pause();
    const later = Promise.all(Array.from({ length: 10 }, () => add('one')));
    await vi.waitFor(() => expect(queue.health().ok).toBe(false), { timeout: 8_000, interval: 50 });
    expect(queue.health()).toMatchObject({ pendingWrites: 10 });
    redis.resume();
    expect(await later).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(queue.health()).toMatchObject({ ok: true, pendingWrites: 0 });
  });

  it('an answer that takes more than a second counts as trouble: what was late then is not the fault of its message', async () => {
    const before = performance.now();
    expect(queue.health().troubledAt).toBeLessThan(before);
    await redis.client.call('client', 'pause', 1_900, 'ALL');
    expect(await add('one')).toBe(1);
    expect(queue.health().troubledAt).toBeGreaterThan(before);
  });

  it('the clock of Redis may be another than ours', async () => {
    const real = Date.now;
    Date.now = () => real() - 3_600_000;
    try {
      const behind = createQueue(openConnection(standalone()));
      await behind.opened(5_000);
      const work = async (draft: Draft) => draft.write('hset', KEYS.settings, 'n', 1);
      await createCommits(behind).run('x', work);
      // Set while it runs: the first step finds it out.
      Date.now = () => real() - 7_200_000;
      await createCommits(behind).run('x', work);
      await behind.close();
    } finally {
      Date.now = real;
    }
    expect(await redis.client.hget(KEYS.settings, 'n')).toBe('1');
  });

  it('what was refused because Redis did not answer is not done later', async () => {
    const impatient = createQueue(openConnection(standalone()), { waitMs: 300, commandMs: 200 });
    await impatient.opened(5_000);
    redis.pause();
    const writes = createCommits(impatient).run('x', async (draft) => draft.write('hset', KEYS.settings, 'late', 1));
    await expect(writes).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    redis.resume();
    await impatient.close();
    expect(await redis.client.hget(KEYS.settings, 'late')).toBeNull();
  });

  it('after close a write is refused with SHUTTING_DOWN', async () => {
    await queue.close();
    await expect(add('one')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('more bytes than may wait are refused at once', async () => {
    const small = createQueue(openConnection(standalone()), { maxPendingBytes: 100 });
    const first = small.write(80, async () => 'one');
    await expect(small.write(80, async () => 'two')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await first).toBe('one');
    await small.close();
  });
});

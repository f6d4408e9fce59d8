import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrokerError } from '../../../src/errors.ts';
import type { Batch } from '../../../src/storage/embedded/commit-group.ts';
import { type Committer, type CommitterOptions, createCommitter } from '../../../src/storage/embedded/committer.ts';
import { type Environment, openEnvironment } from '../../../src/storage/embedded/environment.ts';
import {
  HEADER_BYTES,
  type Journal,
  openJournal,
  readJournal,
  readMark,
} from '../../../src/storage/embedded/journal.ts';
import { textKey } from '../../../src/storage/embedded/keys.ts';
import { recover } from '../../../src/storage/embedded/recovery.ts';

describe('group commit', () => {
  let directory = '';
  let environment: Environment;
  let committer: Committer;
  let commits = 0;
  /** Set to make the next commits fail as a disk would. */
  let broken: Error | undefined;
  const heard: string[] = [];

  /** The real environment; only the disk can be made to fail. */
  const onBadDisk = (real: Environment): Environment => ({
    ...real,
    async transaction(work) {
      commits++;
      if (broken === undefined) return real.transaction(work);
      const error = broken;
      await real.transaction(() => {
        try {
          real.attempt(() => {
            work();
            throw error;
          });
        } catch {
          // Undone, as by a failed commit.
        }
      });
      throw error;
    },
  });
  const create = (options: Partial<CommitterOptions> = {}): Committer =>
    createCommitter({
      environment: onBadDisk(environment),
      maxPendingBytes: 1000,
      maxGroupWrites: 1000,
      onFailure: (error) => heard.push(error.message),
      onRecovery: () => heard.push('recovered'),
      ...options,
    });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gridmoor-commit-'));
    environment = openEnvironment(directory, false);
    broken = undefined;
    heard.length = 0;
    committer = create();
    commits = 0;
  });
  afterEach(async () => {
    vi.useRealTimers();
    broken = undefined;
    await committer.close();
    await environment.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const put = (name: string, value: string) => environment.tables.settings.put(textKey(name), Buffer.from(value));
  const get = (name: string) => environment.tables.settings.get(textKey(name))?.toString();

  it('everything that is called in one turn is one commit, applied in call order', async () => {
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        committer.run(() => {
          order.push(i);
          put('last', String(i));
        }),
      ),
    );
    expect(commits).toBe(1);
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(get('last')).toBe('99');
  });

  it('a group is seen as a whole or not at all', async () => {
    const seen = new Set<string>();
    let done = false;
    const watch = (): void => {
      seen.add(`${get('a')}/${get('b')}`);
      if (!done) setImmediate(watch);
    };
    watch();
    for (let i = 0; i < 50; i++) {
      await Promise.all([committer.run(() => put('a', String(i))), committer.run(() => put('b', String(i)))]);
    }
    done = true;
    expect([...seen].filter((pair) => pair.split('/')[0] !== pair.split('/')[1])).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
  });

  it('an operation that throws half way is undone and fails alone; the others keep their order and results', async () => {
    const fault = new BrokerError('NAME_TAKEN');
    const outcomes = await Promise.allSettled([
      committer.run(() => put('a', '1')),
      committer.run(() => get('a')),
      committer.run(() => {
        put('a', 'half');
        put('bad', 'half');
        throw fault;
      }),
      committer.run(() => get('a')),
      committer.run(() => {
        throw new Error('odd');
      }),
      committer.run(() => put('b', `${get('a')}-${get('bad')}`)),
    ]);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason))).toEqual([
      undefined,
      '1',
      fault,
      '1',
      expect.objectContaining({ code: 'STORE_UNAVAILABLE', cause: new Error('odd') }),
      undefined,
    ]);
    expect([get('a'), get('bad'), get('b')]).toEqual(['1', undefined, '1-undefined']);
  });

  it('items of a batch share one promise per group and stay on their side of an ordered operation', async () => {
    const log: string[] = [];
    const batch: Batch<string> = { apply: (_, items) => void log.push(items.join('')) };
    const promises = ['a', 'b'].map((item) => committer.join(batch, item, 1));
    const plain = committer.run(() => void log.push('|'));
    promises.push(committer.join(batch, 'c', 1));
    const ordered = committer.run(() => void log.push('#'), { ordered: true });
    promises.push(committer.join(batch, 'd', 1));
    expect(new Set(promises).size).toBe(1);
    await Promise.all([...promises, plain, ordered]);
    expect(log).toEqual(['abc', '|', '#', 'd']);
    expect(committer.join(batch, 'e', 1)).not.toBe(promises[0]);
  });

  it('a batch that fails rejects its group’s items and nothing else', async () => {
    const batch: Batch<string> = {
      apply() {
        throw new Error('no');
      },
    };
    const joined = committer.join(batch, 'x', 1);
    const other = committer.run(() => put('a', '1'));
    await expect(joined).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await other;
    expect(get('a')).toBe('1');
  });

  it('a failed commit rejects exactly its group, shows in health, and the store heals without new writes', async () => {
    broken = new Error('No space left on device');
    const failed = [committer.run(() => put('a', '1')), committer.run(() => put('b', '1'))];
    for (const write of failed) {
      await expect(write).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: broken });
    }
    expect(committer.health()).toEqual({
      ok: false,
      pendingWrites: 0,
      problem: 'the last write failed: No space left on device',
      troubledAt: expect.any(Number),
    });
    expect(get('a')).toBeUndefined();
    broken = undefined;
    while (!committer.health().ok) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard).toEqual([expect.stringContaining('No space left on device'), 'recovered']);
  });

  it('what waits is counted, and refused beyond the bound', async () => {
    const writes = Array.from({ length: 10 }, () => committer.run(() => undefined, { bytes: 100 }));
    expect(committer.health().pendingWrites).toBe(10);
    await expect(committer.run(() => undefined, { bytes: 1 })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await Promise.all(writes);
    expect(committer.health()).toEqual({ ok: true, pendingWrites: 0 });
    await committer.run(() => undefined, { bytes: 1000 });
  });

  it('a large backlog is cut into groups, in order', async () => {
    const small = create({ maxGroupWrites: 10 });
    const order: number[] = [];
    await Promise.all(Array.from({ length: 25 }, (_, i) => small.run(() => void order.push(i))));
    expect(commits).toBe(3);
    expect(order).toEqual(Array.from({ length: 25 }, (_, i) => i));
    await small.close();
  });

  it('sequence numbers grow over groups, failed commits and reopening', async () => {
    const numbers = [await committer.run((tx) => tx.nextSequence()), await committer.run((tx) => tx.nextSequence())];
    broken = new Error('disk');
    await committer.run((tx) => tx.nextSequence()).catch(() => undefined);
    broken = undefined;
    numbers.push(await committer.run((tx) => tx.nextSequence()));
    await committer.close();
    await environment.close();
    environment = openEnvironment(directory, false);
    committer = create();
    numbers.push(await committer.run((tx) => tx.nextSequence()));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('after close everything is rejected with SHUTTING_DOWN, what was called before is kept', async () => {
    const before = committer.run(() => put('a', '1'));
    const closing = committer.close();
    await expect(committer.run(() => put('b', '1'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await before;
    await closing;
    expect([get('a'), get('b')]).toEqual(['1', undefined]);
  });

  describe('with a journal', () => {
    const id = Buffer.alloc(16, 7);
    const applied: string[] = [];
    const batch: Batch<string> = {
      apply: (_, items) => void applied.push(...items),
      codec: { pack: (packer, item) => packer.text(item), unpack: (bytes) => [bytes.toString()] },
    };
    const joined = (item: string) => committer.join(batch, item, 1);
    const file = () => join(directory, 'journal');
    const records = () => readJournal(file(), readMark(environment.tables.meta) ?? { id, sequence: 0 }).records.length;
    let journal: Journal;
    let released: number[];

    beforeEach(() => {
      applied.length = 0;
      released = [];
      journal = openJournal(file(), { id, sync: false });
      committer.journalTo({
        ...journal,
        release(sequence) {
          released.push(sequence);
          journal.release(sequence);
        },
      });
    });

    it('items are durable before their commit, and seen after it', async () => {
      const turn = [joined('a'), joined('b')];
      expect(turn[0]).toBe(turn[1]);
      await Promise.all(turn);
      expect([applied, records(), commits]).toEqual([[], 1, 0]);
      await joined('c');
      expect(records()).toBe(2);
      await committer.visible(batch, () => true);
      expect([applied, records(), commits, released]).toEqual([['a', 'b', 'c'], 0, 1, [2]]);
      expect(committer.visible(batch, () => true)).toBeUndefined();
      expect(committer.health()).toEqual({ ok: true, pendingWrites: 0 });
    });

    it('only who asks for an item that is on its way waits for it', async () => {
      await joined('a');
      expect(committer.visible(batch, (item) => item === 'b')).toBeUndefined();
      expect(committer.visible({ ...batch }, () => true)).toBeUndefined();
      const first = committer.visible(batch, (item) => item === 'a');
      const later = joined('b');
      await first;
      expect(applied).toContain('a');
      await later;
      await committer.visible(batch, (item) => item === 'b');
      expect(applied).toEqual(['a', 'b']);
    });

    it('nobody has to ask: what is durable is committed a little later', async () => {
      await joined('a');
      while (applied.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(applied).toEqual(['a']);
    });

    it('a journal that is half full is committed at once', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      let appended = 0;
      const append: Journal['append'] = (frame, sequence) => {
        appended++;
        return journal.append(frame, sequence);
      };
      const half: Journal = { ...journal, append, isHalfFull: () => appended > 1, close: () => undefined };
      const other = create();
      other.journalTo(half);
      await other.join(batch, 'a', 1);
      expect([applied, commits]).toEqual([[], 0]);
      await other.join(batch, 'b', 1);
      await until(() => applied.length > 0);
      expect(applied).toEqual(['a', 'b']);
      await other.close();
    });

    it('operations keep their side of items called before them, and are not held up by them', async () => {
      void joined('a');
      const before = committer.run(() => [...applied], { ordered: true });
      void joined('b');
      await expect(before).resolves.toEqual(['a']);
      await committer.visible(batch, () => true);
      expect(applied).toEqual(['a', 'b']);
    });

    it('what was acknowledged outlives commits that fail; what comes meanwhile is refused, and nothing is applied twice', async () => {
      await joined('a');
      broken = new Error('No space left on device');
      await expect(committer.run(() => put('x', '1'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(joined('b')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(committer.health()).toMatchObject({ ok: false, pendingWrites: 1 });
      expect(records()).toBe(1);
      applied.length = 0; // the attempts, undone in the store
      broken = undefined;
      while (!committer.health().ok) await new Promise((resolve) => setTimeout(resolve, 20));
      expect([applied, records()]).toEqual([['a'], 0]);
      await joined('c');
      await committer.close();
      expect(applied).toEqual(['a', 'c']);
    });

    it('stays in the journal when the store is closed before it could be committed', async () => {
      await joined('a');
      broken = new Error('disk');
      await committer.close();
      expect(records()).toBe(1);
      broken = undefined;
    });

    it('a single large turn is in the journal, the next one waits for the commit, as does more than a record takes', async () => {
      const large = 'x'.repeat(20_000);
      const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
      const wide = create({ maxPendingBytes: 1e6 });
      wide.journalTo(openJournal(join(directory, 'wide'), { id, sync: false }));
      const turn = (...items: string[]) => Promise.all(items.map((item) => wide.join(batch, item, item.length)));
      await turn(large, 'a');
      expect([applied, commits]).toEqual([[], 0]);
      now.mockReturnValue(1050);
      await turn(large, 'b');
      expect([applied, commits]).toEqual([[large, 'a', large, 'b'], 1]);
      now.mockReturnValue(1101);
      await turn(large, 'c');
      expect(commits).toBe(1);
      await wide.visible(batch, () => true);
      now.mockReturnValue(1200);
      await turn('x'.repeat(200_000));
      expect(commits).toBe(3);
      now.mockRestore();
      await wide.close();
    });

    it('a journal that fails is told once and done without; its items are acknowledged by their commit', async () => {
      const failing: Journal = { ...journal, append: () => Promise.reject(new Error('EIO')), close: () => undefined };
      const other = create({ onJournalFailure: (error) => heard.push(String(error.facts.reason)) });
      other.journalTo(failing);
      await Promise.all([other.join(batch, 'a', 1), other.run(() => undefined)]);
      await Promise.all([other.join(batch, 'b', 1), other.join(batch, 'c', 1)]);
      await other.join(batch, 'd', 1);
      expect([applied, heard]).toEqual([['a', 'b', 'c', 'd'], ['EIO']]);
      await other.close();
    });

    /** A journal whose writes end when the test says so. */
    const slow = () => {
      const writes: { readonly end: () => void; readonly fail: (error: Error) => void }[] = [];
      const append = () =>
        new Promise<void>((resolve, reject) => {
          writes.push({ end: resolve, fail: reject });
        });
      return { writes, journal: { ...journal, append, close: () => undefined } satisfies Journal };
    };
    const until = async (met: () => boolean) => {
      while (!met()) await new Promise((resolve) => setImmediate(resolve));
    };

    it('what is about to be written to the journal is left out of a commit that begins before', async () => {
      const { writes, journal } = slow();
      const other = create();
      other.journalTo(journal);
      const first = other.join(batch, 'a', 1);
      await until(() => writes.length === 1);
      const second = other.join(batch, 'b', 1);
      await first; // by the commit: the write has not ended
      expect(applied).toEqual(['a']);
      writes[0]?.end();
      await until(() => writes.length === 2);
      writes[1]?.end();
      await second;
      await other.close();
      expect(applied).toEqual(['a', 'b']);
    });

    it('items whose write and whose commit have both failed are refused, and not kept', async () => {
      const { writes, journal } = slow();
      const other = create({ onJournalFailure: (error) => heard.push(String(error.facts.reason)) });
      other.journalTo(journal);
      const item = other.join(batch, 'a', 1);
      await until(() => writes.length === 1);
      broken = new Error('disk');
      await other.run(() => undefined).catch(() => undefined);
      expect(other.health().pendingWrites).toBe(1);
      writes[0]?.fail(new Error('EIO'));
      await expect(item).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect([other.health().pendingWrites, heard.at(-1)]).toEqual([0, 'EIO']);
      broken = undefined;
      await other.close();
    });

    it('a start that the disk takes no write of goes on without a journal, but not without what is in it', async () => {
      const codec = { pack: () => undefined, unpack: (bytes: Buffer) => [bytes.toString()] };
      const missing: unknown[] = [];
      const begin = () =>
        recover(
          environment,
          create(),
          { ...batch, codec },
          {
            file: file(),
            sync: false,
            onDamage: () => undefined,
            onLost: () => undefined,
            onMissing: (error) => missing.push(error),
          },
        );
      await committer.close();
      await begin();
      const mark = readMark(environment.tables.meta);
      broken = new Error('disk');
      await begin();
      expect(missing).toEqual([expect.objectContaining({ code: 'STORE_UNAVAILABLE' })]);
      expect(readMark(environment.tables.meta)).toEqual(mark);
      const written = openJournal(file(), { id: mark?.id ?? id, sync: false });
      await written.append(Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from('a')]), 1);
      written.close();
      await expect(begin()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      broken = undefined;
      applied.length = 0;
      await begin();
      expect(applied).toEqual(['a']);
    });

    it('a journal without room leaves its items to the commit', async () => {
      const full: Journal = { ...journal, append: () => undefined, close: () => undefined };
      const other = create();
      other.journalTo(full);
      await other.join(batch, 'a', 1);
      expect(applied).toEqual(['a']);
      await other.close();
    });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppSink, createAppPublisher, type SharedOutbox } from '../../src/app-clients/index.ts';
import type { Publication } from '../../src/model/publication.ts';
import { createLog } from '../../src/observe/index.ts';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import type { Storage } from '../../src/storage/storage.ts';

let dataDir: string;
let storage: Storage;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-outbox-'));
  storage = await openEmbeddedStorage({ dataDir, sync: false });
});
afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const log = createLog({ level: 'silent' });
const publication = (text: string, change: Partial<Publication> = {}): Publication => ({
  topic: 'app/a',
  payload: Buffer.from(text),
  qos: 1,
  retain: false,
  ...change,
});

/** Who gets publications; fails as long as `broken`. */
function sinkOf(change: { keeps?: boolean; hasClients?: boolean } = {}) {
  const got: string[] = [];
  const sink = {
    broken: false,
    hasClients: change.hasClients ?? true,
    keeps: () => change.keeps ?? true,
    async deliver({ payload }: Publication) {
      if (sink.broken) throw new Error('away');
      got.push(String(payload));
    },
  };
  return { sink: sink as AppSink & { broken: boolean }, got };
}

const publisherOf = (change: { maxWaiting?: number; shared?: SharedOutbox } = {}) =>
  createAppPublisher({ outbox: storage.outbox, log, now: () => 1_000, maxWaiting: 100, ...change });

const outbox = async (): Promise<number> => (await storage.outbox.list(undefined, 100)).length;

describe('publisher of app clients', () => {
  it('what was stored and not told is told by the next run, in order, once', async () => {
    const first = publisherOf();
    for (const text of ['a', 'b', 'c']) await first.hand(publication(text))?.stored;
    expect(await outbox()).toBe(3);
    const { sink, got } = sinkOf();
    const second = publisherOf();
    await second.attach(sink);
    expect(got).toEqual(['a', 'b', 'c']);
    expect(await outbox()).toBe(0);
  });

  it('a message that was not stored is not told, and leaves nothing', async () => {
    const { sink, got } = sinkOf();
    const publisher = publisherOf();
    await publisher.attach(sink);
    const handed = publisher.hand(publication('never'));
    await handed?.stored;
    handed?.drop();
    await publisher.close();
    expect([got, await outbox()]).toEqual([[], 0]);
  });

  it('nothing is stored where no session waits for it, unless it is to be retained', async () => {
    const { sink } = sinkOf({ keeps: false });
    const publisher = publisherOf();
    await publisher.attach(sink);
    expect(publisher.hand(publication('live'))?.stored).toBeUndefined();
    expect(publisher.hand(publication('q0', { qos: 0 }))?.stored).toBeUndefined();
    expect(publisher.hand(publication('kept', { retain: true }))?.stored).toBeDefined();
  });

  it('what the sink does not take now is told later', async () => {
    const { sink, got } = sinkOf();
    const publisher = publisherOf();
    await publisher.attach(sink);
    sink.broken = true;
    const handed = publisher.hand(publication('late'));
    await handed?.stored;
    await handed?.send();
    expect([got, await outbox()]).toEqual([[], 1]);
    sink.broken = false;
    await expect.poll(() => got, { timeout: 5_000 }).toEqual(['late']);
    await publisher.close();
    expect(await outbox()).toBe(0);
  });

  it('takes no more than may wait', async () => {
    const publisher = publisherOf({ maxWaiting: 2 });
    const [one, two, three] = ['1', '2', '3'].map((text) => publisher.hand(publication(text)));
    expect(three).toBeUndefined();
    one?.drop();
    await expect.poll(() => publisher.waiting).toBe(1);
    expect(publisher.hand(publication('4'))).toBeDefined();
    expect(two).toBeDefined();
  });

  it('of a shared outbox an instance tells its own, and what the dead have left when it leads', async () => {
    const living = new Set(['a', 'b', 'c']);
    const shared = (instanceId: string, leads: boolean) => ({
      shared: { instanceId, isElsewhere: (id: string) => !leads || living.has(id) },
    });
    for (const id of ['a', 'b', 'c']) await publisherOf(shared(id, false)).hand(publication(`of ${id}`))?.stored;
    const { sink, got } = sinkOf();
    const second = async (leads: boolean): Promise<void> => {
      const publisher = publisherOf(shared('b', leads));
      await publisher.attach(sink);
      await publisher.close();
    };
    await second(false);
    expect(got).toEqual(['of b']);
    living.delete('a');
    await second(false);
    expect(got).toEqual(['of b']);
    await second(true);
    expect(got).toEqual(['of b', 'of a']);
    expect(await outbox()).toBe(1);
  });

  it('a damaged entry stays, and the others are told', async () => {
    await storage.outbox.put({ id: '0', bytes: Buffer.from('not a publication') });
    await publisherOf().hand(publication('good'))?.stored;
    const { sink, got } = sinkOf();
    await publisherOf().attach(sink);
    expect([got, await outbox()]).toEqual([['good'], 1]);
  });
});

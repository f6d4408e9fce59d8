import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { type JsonObject, parseJson } from '../../../src/model/json.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { benchFor, exact, type MakeStore, points, register } from './harness.ts';

const HOUR = 3_600_000;
const MAX = 2 ** 53;

function parsed(text: string): JsonObject {
  const result = parseJson(text, { maxDepth: 20 });
  if (!result.ok) throw new Error('a test value is not JSON');
  return result.value as JsonObject;
}

const everything = (entityId: string, keys: readonly string[]) =>
  ({ entityId, keys, startTs: -MAX, endTs: MAX, limit: 1_000_000, order: 'ASC' }) as const;

export function telemetryConformance(name: string, make: MakeStore): void {
  describe(`${name}: telemetry`, () => {
    const bench = benchFor(make);
    const save = (deviceId: DeviceId, ts: number, values: JsonObject, latest = true) =>
      bench.storage.telemetry.save({ entityId: deviceId, ts, values, latest });

    it('a saved sample is the latest and in the history once the promise has resolved', async () => {
      const id = await register(bench.storage);
      await save(id, 1000, { power: 42, state: 'on' });
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ power: '1000 42', state: '1000 "on"' });
      const range = await bench.storage.telemetry.range({ ...everything(id, ['power', 'state']) });
      expect(points(range.get('power'))).toEqual([[1000, 42]]);
      expect(points(range.get('state'))).toEqual([[1000, 'on']]);
    });

    it('numbers keep their text, also from the text that the caller hands over', async () => {
      const id = await register(bench.storage);
      const text = '{"energy": 9007199254740993, "ratio":42.0,"deep":{"list":[1e400,null,"ñ"]}}';
      await bench.storage.telemetry.save({ entityId: id, ts: 1, values: parsed(text), text });
      await bench.storage.telemetry.save({ entityId: id, ts: 2, values: parsed('{"total":18446744073709551615}') });
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({
        energy: '1 9007199254740993',
        ratio: '1 42.0',
        deep: '1 {"list":[1e400,null,"ñ"]}',
        total: '2 18446744073709551615',
      });
    });

    it('the latest value of a key is the one with the highest time, at equal times the later write', async () => {
      const id = await register(bench.storage);
      await save(id, 2000, { a: 1, b: 1 });
      await save(id, 1000, { a: 'old', c: 'only here' });
      await save(id, 2000, { b: 2 });
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({
        a: '2000 1',
        b: '2000 2',
        c: '1000 "only here"',
      });
    });

    it('of two writes of one time in one turn the later one wins, in the latest values and in the history', async () => {
      const id = await register(bench.storage);
      await Promise.all([save(id, 5, { a: 'first', b: 1 }), save(id, 5, { a: 'second', b: 2 })]);
      await Promise.all([save(id, 9, { a: 'third', b: 3 }), save(id, 9, { a: 'fourth', b: 4 })]);
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ a: '9 "fourth"', b: '9 4' });
      const range = await bench.storage.telemetry.range(everything(id, ['a']));
      expect(points(range.get('a'))).toEqual([
        [5, 'second'],
        [9, 'fourth'],
      ]);
    });

    it('latest gives the named keys and leaves out what is not there', async () => {
      const id = await register(bench.storage);
      await save(id, 5, { a: 1, b: 2 });
      expect(exact(await bench.storage.telemetry.latest(id, ['b', 'missing']))).toEqual({ b: '5 2' });
    });

    it('history: false writes latest values only', async () => {
      const id = await register(bench.storage);
      await save(id, 1, { a: 1 });
      await bench.storage.telemetry.save({ entityId: id, ts: 2, values: { a: 2 }, history: false });
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ a: '2 2' });
      expect(points((await bench.storage.telemetry.range(everything(id, ['a']))).get('a'))).toEqual([[1, 1]]);
    });

    it('latest: false writes history only', async () => {
      const id = await register(bench.storage);
      await save(id, 1, { a: 1 });
      await save(id, 2, { a: 2 }, false);
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ a: '1 1' });
      expect(points((await bench.storage.telemetry.range(everything(id, ['a']))).get('a'))).toHaveLength(2);
    });

    it('a second write of device, time and key replaces the value, other keys of that time stay', async () => {
      const id = await register(bench.storage);
      await save(id, 7, { a: 'first', b: 'kept' });
      await save(id, 7, { a: 'second' });
      const range = await bench.storage.telemetry.range(everything(id, ['a', 'b']));
      expect(points(range.get('a'))).toEqual([[7, 'second']]);
      expect(points(range.get('b'))).toEqual([[7, 'kept']]);
    });

    it('a range holds its start, not its end, and goes both ways over hours, days and the year 1970', async () => {
      const id = await register(bench.storage);
      const times = [-MAX, -HOUR - 1, -1, 0, 1, HOUR - 1, HOUR, 25 * HOUR, 1_700_000_000_000, MAX - 1];
      for (const ts of times.toReversed()) await save(id, ts, { a: ts });
      const read = async (startTs: number, endTs: number, order: 'ASC' | 'DESC') =>
        points(
          (await bench.storage.telemetry.range({ entityId: id, keys: ['a'], startTs, endTs, limit: 100, order })).get(
            'a',
          ),
        ).map(([ts]) => ts);
      expect(await read(-MAX, MAX, 'ASC')).toEqual(times);
      expect(await read(-MAX, MAX, 'DESC')).toEqual(times.toReversed());
      expect(await read(-1, HOUR, 'ASC')).toEqual([-1, 0, 1, HOUR - 1]);
      expect(await read(1, 25 * HOUR, 'DESC')).toEqual([HOUR, HOUR - 1, 1]);
      expect(await read(5, 5, 'ASC')).toEqual([]);
    });

    it('the limit counts points per key, from the end that the order names', async () => {
      const id = await register(bench.storage);
      for (let ts = 0; ts < 10; ts++) await save(id, ts * HOUR, ts % 2 === 0 ? { a: ts, b: ts } : { a: ts });
      const query = { ...everything(id, ['a', 'b', 'none']), limit: 2 };
      const first = await bench.storage.telemetry.range(query);
      expect([...first.keys()]).toEqual(['a', 'b']);
      expect(points(first.get('a')).map(([, value]) => value)).toEqual([0, 1]);
      expect(points(first.get('b')).map(([, value]) => value)).toEqual([0, 2]);
      const last = await bench.storage.telemetry.range({ ...query, order: 'DESC' });
      expect(points(last.get('a')).map(([, value]) => value)).toEqual([9, 8]);
      expect(points(last.get('b')).map(([, value]) => value)).toEqual([8, 6]);
    });

    it('keys may be any text: __proto__, constructor, NUL and emoji are data', async () => {
      const id = await register(bench.storage);
      const values = parsed('{"__proto__":1,"constructor":2,"a\\u0000b":3,"🔌":4,"":5}');
      await save(id, 1, values);
      await save(id, 2, parsed('{"__proto__":6,"toString":7}'));
      const keys = ['__proto__', 'constructor', 'a\0b', '🔌', '', 'toString'];
      expect([...(await bench.storage.telemetry.latest(id))].map(([key, { value }]) => [key, value])).toEqual(
        expect.arrayContaining([
          ['__proto__', 6],
          ['constructor', 2],
          ['a\0b', 3],
          ['🔌', 4],
          ['', 5],
          ['toString', 7],
        ]),
      );
      const range = await bench.storage.telemetry.range(everything(id, keys));
      expect(points(range.get('__proto__'))).toEqual([
        [1, 1],
        [2, 6],
      ]);
      expect(points(range.get('toString'))).toEqual([[2, 7]]);
    });

    it('a time that is not an integer is refused with BAD_REQUEST and nothing is stored', async () => {
      const id = await register(bench.storage);
      for (const ts of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 54]) {
        await expect(save(id, ts, { a: 1 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
      }
      expect((await bench.storage.telemetry.latest(id)).size).toBe(0);
    });

    it('a write to an unknown device resolves and stores nothing', async () => {
      const id = await register(bench.storage);
      await save(id, 1, { a: 1 });
      const unknown = '0193b5f2-0000-7000-8000-000000000000' as DeviceId;
      await save(unknown, 1, { a: 1 });
      expect((await bench.storage.telemetry.latest(unknown)).size).toBe(0);
      expect((await bench.storage.telemetry.range(everything(unknown, ['a']))).size).toBe(0);
    });

    it('large samples and thousands of samples in one group come back whole', async () => {
      const id = await register(bench.storage);
      const long = 'x'.repeat(200_000);
      await Promise.all(
        Array.from({ length: 3000 }, (_, i) => save(id, i * 1000, i === 1500 ? { a: long } : { a: i })),
      );
      const list = (await bench.storage.telemetry.range(everything(id, ['a']))).get('a') ?? [];
      expect(list).toHaveLength(3000);
      expect(list[1500]?.value).toBe(long);
      expect(list.filter((point, i) => i !== 1500 && point.value !== i)).toEqual([]);
    });

    it('everything is there after a reopen, and later writes still win', async () => {
      const id = await register(bench.storage);
      for (let i = 0; i < 40; i++) await save(id, 1, { a: i, fill: 'y'.repeat(100) });
      await bench.reopen();
      await save(id, 1, { a: 'newest' });
      expect(exact(await bench.storage.telemetry.latest(id, ['a']))).toEqual({ a: '1 "newest"' });
      expect(points((await bench.storage.telemetry.range(everything(id, ['a']))).get('a'))).toEqual([[1, 'newest']]);
    });

    describe('remove', () => {
      const remove = (
        id: DeviceId,
        keys: string[],
        startTs: number,
        endTs: number,
        latest: 'keep' | 'drop' | 'rewrite',
      ) => bench.storage.telemetry.remove({ entityId: id, keys, startTs, endTs, latest });
      const timesOf = async (id: DeviceId, key: string) =>
        points((await bench.storage.telemetry.range(everything(id, [key]))).get(key)).map(([ts]) => ts);

      it('takes the points of the keys in the range, its end not included, and leaves other keys of the samples', async () => {
        const id = await register(bench.storage);
        for (const ts of [1, 2, 3, 4]) await save(id, ts, parsed(`{"a":${ts},"b":42.0}`));
        await remove(id, ['a', 'none'], 2, 4, 'drop');
        expect(await timesOf(id, 'a')).toEqual([1, 4]);
        const range = await bench.storage.telemetry.range(everything(id, ['b']));
        expect(exact(new Map([...(range.get('b') ?? []).entries()].map(([i, point]) => [String(i), point])))).toEqual({
          0: '1 42.0',
          1: '2 42.0',
          2: '3 42.0',
          3: '4 42.0',
        });
        expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ a: '4 4', b: '4 42.0' });
      });

      it('keeps, drops or rewrites the latest value when its point goes', async () => {
        for (const [latest, left] of [
          ['keep', { a: '3 3', b: '3 3' }],
          ['drop', { b: '3 3' }],
          ['rewrite', { a: '1 1', b: '3 3' }],
        ] as const) {
          const id = await register(bench.storage);
          for (const ts of [1, 2, 3]) await save(id, ts, { a: ts, b: ts });
          await remove(id, ['a'], 2, 9, latest);
          expect([latest, exact(await bench.storage.telemetry.latest(id))]).toEqual([latest, left]);
          expect(await timesOf(id, 'a')).toEqual([1]);
          await save(id, 4, { a: 4 });
          expect(exact(await bench.storage.telemetry.latest(id, ['a']))).toEqual({ a: '4 4' });
        }
      });

      it('goes through thousands of samples over many hours, also after a reopen, and leaves other devices alone', async () => {
        const [id, other] = [await register(bench.storage), await register(bench.storage)];
        const fill = 'z'.repeat(50);
        for (const device of [id, other]) {
          await Promise.all(Array.from({ length: 2000 }, (_, i) => save(device, i * 60_000, { a: i, fill })));
          for (let i = 2000; i < 2010; i++) await save(device, i * 60_000, { a: i, fill });
        }
        await bench.reopen();
        await remove(id, ['a'], -MAX, MAX, 'rewrite');
        expect(await timesOf(id, 'a')).toEqual([]);
        expect(await timesOf(id, 'fill')).toHaveLength(2010);
        expect([...(await bench.storage.telemetry.latest(id)).keys()]).toEqual(['fill']);
        expect(await timesOf(other, 'a')).toHaveLength(2010);
        await bench.reopen();
        expect(await timesOf(id, 'a')).toEqual([]);
      });

      it('leaves what is written after the call', async () => {
        const id = await register(bench.storage);
        for (let i = 0; i < 500; i++) await save(id, i * HOUR, { a: i, fill: 'z'.repeat(100) });
        const removed = remove(id, ['a'], -MAX, MAX, 'drop');
        await Promise.all(
          Array.from({ length: 200 }, (_, i) => save(id, i * HOUR, { a: 'new', fill: 'z'.repeat(100) })),
        );
        await removed;
        const list = (await bench.storage.telemetry.range(everything(id, ['a']))).get('a') ?? [];
        expect([list.length, new Set(list.map(({ value }) => value))]).toEqual([200, new Set(['new'])]);
      });

      it('of an unknown device or an empty range does nothing', async () => {
        const id = await register(bench.storage);
        await save(id, 1, { a: 1 });
        await remove('0193b5f2-0000-7000-8000-000000000000' as DeviceId, ['a'], 0, 9, 'drop');
        await remove(id, ['a'], 5, 5, 'drop');
        await remove(id, [], 0, 9, 'drop');
        expect(await timesOf(id, 'a')).toEqual([1]);
      });
    });

    it('sweep drops what is older than kept, in steps, and leaves devices alone that keep for ever', async () => {
      const now = 1_700_000_000_000;
      const ids = [await register(bench.storage), await register(bench.storage), await register(bench.storage)];
      const forever = ids[1];
      for (const id of ids) {
        for (let i = 0; i < 100; i++) await save(id, now - i * 60_000, { a: i, fill: 'z'.repeat(60) });
      }
      let removed = 0;
      let steps = 0;
      let cursor: string | undefined;
      do {
        const answer = await bench.storage.telemetry.sweep({
          now,
          keepMs: async (id) => (id === forever ? undefined : 30 * 60_000),
          maxEntities: 1,
          ...(cursor === undefined ? {} : { cursor }),
        });
        removed += answer.removed;
        cursor = answer.cursor;
        steps++;
      } while (cursor !== undefined && steps < 20);
      expect(removed).toBe(2 * 69);
      const left = async (id: DeviceId) =>
        (await bench.storage.telemetry.range(everything(id, ['a']))).get('a')?.length;
      expect(await Promise.all(ids.map(left))).toEqual([31, 100, 31]);
      expect((await bench.storage.telemetry.latest(ids[0] as DeviceId, ['a'])).get('a')?.value).toBe(0);
    });

    it('any order of writes reads like a map of (time, key) with the last write winning', async () => {
      const value = fc.oneof(
        fc.integer({ min: 0, max: 9 }),
        fc.tuple(fc.integer({ min: 0, max: 900 }), fc.nat(99)).map(([length, n]) => `${'x'.repeat(length)}${n}`),
      );
      const ts = fc.oneof(
        { arbitrary: fc.constantFrom(0, 1, HOUR), weight: 4 },
        { arbitrary: fc.integer({ min: -3, max: 3 }).map((n) => n * (HOUR / 2)), weight: 2 },
        { arbitrary: fc.maxSafeInteger(), weight: 1 },
      );
      const write = fc.record({
        ts,
        values: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'long'), value, { maxKeys: 3 }),
        latest: fc.boolean(),
        wait: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(write, { maxLength: 40, size: 'max' }), async (writes) => {
          const id = await register(bench.storage);
          await sameAsModel(bench.storage, id, writes);
        }),
        { numRuns: 60 },
      );
    });
  });
}

interface ModelWrite {
  readonly ts: number;
  readonly values: JsonObject;
  readonly latest: boolean;
  readonly wait: boolean;
}

async function sameAsModel(storage: Storage, deviceId: DeviceId, writes: readonly ModelWrite[]): Promise<void> {
  const history = new Map<string, Map<number, unknown>>();
  const latest = new Map<string, { ts: number; value: unknown }>();
  const pending: Promise<void>[] = [];
  for (const { wait, ...write } of writes) {
    const saved = storage.telemetry.save({ entityId: deviceId, ...write });
    pending.push(saved);
    if (wait) await saved;
    for (const [key, value] of Object.entries(write.values)) {
      history.set(key, (history.get(key) ?? new Map()).set(write.ts, value));
      if (write.latest && (latest.get(key)?.ts ?? Number.NEGATIVE_INFINITY) <= write.ts)
        latest.set(key, { ts: write.ts, value });
    }
  }
  await Promise.all(pending);
  const sorted = (map: Map<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  expect(sorted(new Map(await storage.telemetry.latest(deviceId)))).toEqual(sorted(latest));
  const keys = ['a', 'b', 'c', 'long'];
  for (const order of ['ASC', 'DESC'] as const) {
    const range = await storage.telemetry.range({ ...everything(deviceId, keys), order });
    for (const key of keys) {
      const expected = [...(history.get(key) ?? [])].sort(([a], [b]) => (order === 'ASC' ? a - b : b - a));
      expect(points(range.get(key))).toEqual(expected);
    }
  }
}

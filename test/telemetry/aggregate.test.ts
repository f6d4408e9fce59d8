import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newDeviceId } from '../../src/model/ids.ts';
import { type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';
import type { TimedValue } from '../../src/model/telemetry.ts';
import { type Aggregation, aggregate } from '../../src/telemetry/aggregate.ts';
import { openRooms } from '../helpers/rooms.ts';

const value = (text: string): JsonValue => {
  const parsed = parseJson(text, { maxDepth: 9 });
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
};

/** A store that has these points of the key `a`, one a millisecond apart, and hands them out as the port says. */
const storeOf = (points: readonly TimedValue[]) => ({
  async range(query: { keys: readonly string[]; startTs: number; endTs: number; limit: number }) {
    const list = points.filter(({ ts }) => ts >= query.startTs && ts < query.endTs).slice(0, query.limit);
    return new Map<string, readonly TimedValue[]>(query.keys.includes('a') && list.length > 0 ? [['a', list]] : []);
  },
});

const run = async (aggregation: Aggregation, texts: readonly string[], intervalMs = 1_000_000, endTs = 1_000_000) => {
  const points = texts.map((text, ts) => ({ ts, value: value(text) }));
  const query = {
    entityId: 'd',
    keys: ['a'],
    startTs: 0,
    endTs,
    intervalMs,
    aggregation,
    maxPoints: 1_000,
  };
  const found = (await aggregate(storeOf(points), query)).get('a') ?? [];
  return found.map((point) => `${point.ts} ${stringifyJson(point.value)}`);
};

describe('aggregate', () => {
  it('gives one point an interval, timed at its middle, oldest first; the last interval may be shorter', async () => {
    const texts = ['1', '2', '3', '4', '5', '6', '7'];
    expect(await run('SUM', texts, 4, 7)).toEqual(['2 10', '5 18']);
    expect(await run('COUNT', texts, 3, 7)).toEqual(['1 3', '4 3', '6 1']);
  });

  it.each([
    ['SUM', ['0.1', '0.2'], '0.3'],
    ['SUM', ['9007199254740993', '1'], '9007199254740994'],
    ['SUM', ['1.50', '1.5'], '3.00'],
    ['SUM', ['1e400', '1'], `1${'0'.repeat(399)}1`],
    ['SUM', ['-5', '"9"', 'true', '2'], '-3'],
    ['SUM', ['9007199254740991', '9007199254740991', '0.5'], '18014398509481982.5'],
    ['SUM', ['9007199254740991', '1', '-9007199254740991'], '1'],
    ['AVG', ['9007199254740991', '3', '0.5'], '3002399751580331.5'],
    ['MIN', ['"a"', '5', '2', '2.5', '-0.25'], '-0.25'],
    ['MAX', ['3', '9007199254740993', '4', '9007199254740992'], '9007199254740993'],
    ['AVG', ['1', '2'], '1.5'],
    ['AVG', ['0.1', '0.2', '0.3'], '0.2'],
    ['AVG', ['9007199254740993', '9007199254740995'], '9007199254740994'],
    ['MIN', ['9007199254740994', '9007199254740993', '1e17'], '9007199254740993'],
    ['MAX', ['42.0', '41'], '42.0'],
    ['MIN', ['"b"', '"a"'], '"a"'],
    ['MAX', ['"z"', '-1', 'true'], '-1'],
    ['COUNT', ['"z"', '-1', 'true', '{"a":1}'], '4'],
  ] as const)('%s of %j is %s', async (aggregation, texts, expected) => {
    expect(await run(aggregation, texts)).toEqual([`500000 ${expected}`]);
  });

  it('without a number gives no SUM, AVG; a number of a thousand places is left out', async () => {
    expect(await run('SUM', ['"1"', 'true'])).toEqual([]);
    expect(await run('AVG', ['{}'])).toEqual([]);
    expect(await run('SUM', ['1', '1e999999999'])).toEqual(['500000 1']);
  });

  it('adds integers as BigInt does, in any order and number, over pages of the store', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), { minLength: 1, maxLength: 50 }),
        async (list) => {
          const many = Array.from({ length: 50 }, () => list).flat();
          const total = many.reduce((sum, one) => sum + one, 0n);
          expect(await run('SUM', many.map(String))).toEqual([`500000 ${total}`]);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('lets other work of the process run between the pages of a long history', async () => {
    let turns = 0;
    let ended = false;
    const count = (): void => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    await run(
      'SUM',
      Array.from({ length: 10_000 }, () => '1'),
    );
    ended = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('refuses more intervals than may be given', async () => {
    const query = {
      entityId: 'd',
      keys: ['a'],
      startTs: 0,
      endTs: 99,
      intervalMs: 1,
      aggregation: 'COUNT',
      maxPoints: 3,
    } as const;
    const points = [0, 1, 2, 3].map((ts) => ({ ts, value: 1 }));
    await expect(aggregate(storeOf(points), query)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect((await aggregate(storeOf(points.slice(1)), query)).get('a')).toHaveLength(3);
  });

  it('counts every point of several keys of different density once, on the real store', async () => {
    await using rooms = await openRooms();
    const created = await rooms.registry.create({ name: 'd', profile: 'p', by: 'test' });
    const id = created.kind === 'created' ? created.device.id : newDeviceId(0);
    await Promise.all(
      Array.from({ length: 2_500 }, (_, ts) =>
        rooms.storage.telemetry.save({ entityId: id, ts, values: ts % 7 === 0 ? { a: 1, b: ts } : { a: 1 } }),
      ),
    );
    const found = await aggregate(rooms.storage.telemetry, {
      entityId: id,
      keys: ['a', 'b', 'none'],
      startTs: 0,
      endTs: 2_500,
      intervalMs: 2_500,
      aggregation: 'COUNT',
      maxPoints: 10,
    });
    expect([...found]).toEqual([
      ['a', [{ ts: 1_250, value: 2_500 }]],
      ['b', [{ ts: 1_250, value: 358 }]],
    ]);
  });
});

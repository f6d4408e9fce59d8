import { describe, expect, it } from 'vitest';
import { createHistory } from '../../src/statistics/history.ts';
import { COUNTED, createDeviceCounter, startStatistics, type Tally, type Totals } from '../../src/statistics/index.ts';
import { openRooms } from '../helpers/rooms.ts';

const DAY = 86_400_000;
const totals = (some: Partial<Totals>): Totals => ({
  ...(Object.fromEntries(COUNTED.map((name) => [name, 0])) as Totals),
  ...some,
});

async function open() {
  const rooms = await openRooms();
  const { documents, registry, attributes } = rooms.storage;
  const errors: unknown[] = [];
  let now: Partial<Totals> = {};
  let ofProfiles: Readonly<Record<string, Partial<Totals>>> = {};
  const tally = (some: Partial<Totals>, connections: number) => ({
    totals: totals(some),
    open: { connections, subDevices: 2 },
  });
  const start = (instance: string, broken = false) => {
    const history = createHistory(documents, instance, rooms.clock);
    const failing = { ...history, add: () => Promise.reject(new Error('away')) };
    return startStatistics({
      devices: createDeviceCounter({ registry, attributes, isConnected: () => false, clock: rooms.clock, keepMs: 0 }),
      history: broken ? failing : history,
      tallies: () =>
        new Map<string | undefined, Tally>([
          ...Object.entries(ofProfiles).map(([name, some]) => [name, tally(some, 1)] as const),
          [undefined, tally(now, 3)],
        ]),
      clock: rooms.clock,
      flushMs: 3_600_000,
      onError: (error) => errors.push(error),
    });
  };
  return {
    rooms,
    errors,
    start,
    count: (some: Partial<Totals>, profiles: typeof ofProfiles = {}) => {
      now = some;
      ofProfiles = profiles;
    },
    [Symbol.asyncDispose]: () => rooms[Symbol.asyncDispose](),
  };
}

describe('statistics', () => {
  it('two instances add up, minute by minute, and a restart of one adds to what stands', async () => {
    await using world = await open();
    const [one, two] = [world.start('one'), world.start('two')];
    world.count({ 'up.processed': 10 });
    await one.flush();
    await two.flush();
    await one.stop();
    const again = world.start('one');
    await again.flush();
    const { sum, buckets } = await two.messages('1h', 1);
    expect(sum).toEqual({ 'up.processed': 30 });
    expect(buckets.map(({ active }) => active)).toEqual([6]);
    await two.stop();
    await again.stop();
  });

  it('profiles are counted each on its own, whatever they are called, and together; the sum of all is its own', async () => {
    await using world = await open();
    const [one, two] = [world.start('one'), world.start('two')];
    const long = 'x'.repeat(600);
    const names = ['a', 'a/2026', '', '__proto__', long, 'line\nfeed'];
    world.count(
      { 'up.processed': 99 },
      Object.fromEntries(names.map((name, at) => [name, { 'up.processed': at + 1 }])),
    );
    await one.flush();
    await two.flush();
    const sumOf = async (...profiles: string[]) => (await one.messages('1h', 1, profiles)).sum;
    expect(await sumOf('a')).toEqual({ 'up.processed': 2 });
    expect(await sumOf('a/2026', '')).toEqual({ 'up.processed': 10 });
    expect(await sumOf(long, 'line\nfeed')).toEqual({ 'up.processed': 22 });
    expect(await sumOf('nobody')).toEqual({});
    expect((await one.messages('1h', 1)).sum).toEqual({ 'up.processed': 198 });
    expect((await one.messages('1h', 1, ['a', 'a/2026'])).buckets.map(({ active }) => active)).toEqual([4]);
    expect([one.open(), one.open(['a', '']), one.open(['nobody'])]).toEqual([
      { connections: 3, subDevices: 2 },
      { connections: 2, subDevices: 4 },
      { connections: 0, subDevices: 0 },
    ]);
    await one.stop();
    await two.stop();
  });

  it('what could not be stored is stored by the next flush', async () => {
    await using world = await open();
    const broken = world.start('one', true);
    world.count({ 'down.sent': 4 });
    await broken.flush();
    expect(world.errors).toHaveLength(1);
    expect((await broken.messages('1h', 1)).sum).toEqual({});
    await broken.stop();
    const whole = world.start('one');
    await whole.flush();
    expect((await whole.messages('1h', 1)).sum).toEqual({ 'down.sent': 4 });
    await whole.stop();
  });

  it('a window holds its minutes and no others, in whole buckets; after 31 days all is forgotten', async () => {
    await using world = await open();
    const { clock } = world.rooms;
    const statistics = world.start('one');
    const begin = clock.now() - (clock.now() % DAY);
    for (let hour = 0; hour < 50; hour++) {
      clock.set(begin + hour * 3_600_000 + 60_000);
      world.count({ 'up.refused': hour + 1 });
      await statistics.flush();
    }
    expect((await statistics.messages('1h', 1)).sum).toEqual({ 'up.refused': 1 });
    expect((await statistics.messages('1d', 30)).buckets).toHaveLength(24);
    expect((await statistics.messages('7d', 30)).buckets).toHaveLength(50);
    clock.set(begin + 40 * DAY);
    expect((await statistics.messages('30d', 30)).buckets).toHaveLength(0);
    await statistics.stop();
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import type { RedisTarget } from '../../../src/storage/redis/connection.ts';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import type { SessionMark } from '../../../src/storage/session-mark.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { type Member, memberOf } from '../../cluster/redis/world.ts';
import { register } from '../../conformance/storage/harness.ts';
import { startRedis, startRedisCluster } from '../../helpers/redis.ts';

interface Place extends AsyncDisposable {
  readonly target: RedisTarget;
}

const PLACES = {
  async standalone(): Promise<Place> {
    const redis = await startRedis();
    const { host, port } = redis;
    return { target: { kind: 'standalone', host, port }, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  },
  async cluster(): Promise<Place> {
    const redis = await startRedisCluster({});
    const nodes = redis.nodes.map(({ host, port }) => ({ host, port }));
    return { target: { kind: 'cluster', nodes }, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  },
} as const;

interface TestMark extends SessionMark {
  epoch: number;
  stale: boolean;
}

const markOf = (device: string, epoch: number): TestMark => ({
  device,
  epoch,
  stale: false,
  refuse() {
    this.stale = true;
  },
});

describe.each(['standalone', 'cluster'] as const)('redis %s: writes of a session', (kind) => {
  let place: Place;
  let store: Storage;
  const members: Member[] = [];
  beforeAll(async () => {
    place = await PLACES[kind]();
    store = await openRedisStorage({ connection: { target: place.target } });
  }, 30_000);
  afterEach(async () => {
    for (const member of members.splice(0)) await member.close();
  });
  afterAll(async () => {
    await store.close();
    await place[Symbol.asyncDispose]();
  });

  const join = async (): Promise<Member> => {
    const one = await memberOf(place.target);
    members.push(one);
    return one;
  };
  /** What a login does. */
  async function login(member: Member, id: DeviceId, oldest?: number): Promise<TestMark> {
    const { epoch } = await member.sessions.claim(id);
    const fence = await member.sessions.fence(id, epoch, oldest);
    expect(fence?.epoch).toBe(epoch);
    return markOf(id, epoch);
  }
  const save = (entityId: string, ts: number, session?: SessionMark) =>
    store.telemetry.save({ entityId, ts, values: { seq: ts }, session });
  const setMark = (entityId: string, value: string, session?: SessionMark) =>
    store.attributes.save({
      entityId,
      scope: 'CLIENT_SCOPE',
      values: { who: value },
      ts: 1,
      onlyOnChange: false,
      session,
    });
  const historyOf = async (entityId: string): Promise<unknown[]> => {
    const query = { entityId, keys: ['seq'], startTs: 0, endTs: 1_000, limit: 100, order: 'ASC' } as const;
    return ((await store.telemetry.range(query)).get('seq') ?? []).map(({ value }) => value);
  };
  const attribute = async (entityId: string) =>
    (await store.attributes.read(entityId, 'CLIENT_SCOPE')).get('who')?.value;

  it('an older one changes nothing once a newer has come, and its mark says so; those of others in the group stand', async () => {
    const [a, b] = [await join(), await join()];
    const [id, other] = [await register(store), await register(store)];
    const older = await login(a, id);
    await Promise.all([save(id, 1, older), setMark(id, 'older', older)]);
    const newer = await login(b, id);
    const bystander = await login(a, other);
    const done = [save(id, 2, older), save(other, 2, bystander), save(id, 3, newer), setMark(id, 'late', older)];
    await Promise.all([...done, setMark(other, 'stands', bystander)]);
    expect([older.stale, newer.stale, bystander.stale]).toEqual([true, false, false]);
    expect(await historyOf(id)).toEqual([1, 3]);
    expect(await historyOf(other)).toEqual([2]);
    expect((await store.telemetry.latest(id)).get('seq')?.value).toBe(3);
    expect([await attribute(id), await attribute(other)]).toEqual(['older', 'stands']);
    expect(await setMark(id, 'late', older)).toEqual([]);
  });

  it('of nobody and of entities without sessions are taken', async () => {
    const a = await join();
    const id = await register(store);
    await login(a, id);
    await save(id, 1);
    await setMark(id, 'rest');
    expect([await historyOf(id), await attribute(id)]).toEqual([[1], 'rest']);
  });

  it('whose instance has claimed the device anew meanwhile is written', async () => {
    const a = await join();
    const id = await register(store);
    const older = await login(a, id);
    const newer = await login(a, id);
    let asked = 0;
    const growing: SessionMark = {
      device: id,
      get epoch() {
        return asked++ < 2 ? older.epoch : newer.epoch; // asked twice for each sending
      },
      stale: false,
      refuse() {
        throw new Error('refused');
      },
    };
    await save(id, 1, growing);
    asked = 0;
    expect(await setMark(id, 'mine', growing)).toEqual(['who']);
    expect([await historyOf(id), await attribute(id)]).toEqual([[1], 'mine']);
  });

  it('former sessions of the same member may write until the device was elsewhere, and never again', async () => {
    const [a, b] = [await join(), await join()];
    const id = await register(store);
    const first = await login(a, id);
    const second = await login(a, id, first.epoch);
    const third = await login(a, id, first.epoch);
    await save(id, 1, third);
    await save(id, 2, first);
    expect(await setMark(id, 'second', second)).toEqual(['who']);
    expect([first.stale, second.stale, await historyOf(id)]).toEqual([false, false, [1, 2]]);
    await login(b, id);
    const back = await login(a, id, first.epoch);
    await save(id, 3, first);
    expect(await setMark(id, 'late', third)).toEqual([]);
    await save(id, 4, back);
    expect([first.stale, third.stale, await historyOf(id), await attribute(id)]).toEqual([
      true,
      true,
      [1, 2, 4],
      'second',
    ]);
  });

  it('a login after the clock was set back gets a higher epoch than the one before; a claim that is older gets none', async () => {
    const [a, b] = [await join(), await join()];
    const id = await register(store);
    const { epoch } = await a.sessions.claim(id);
    const future = epoch + 3_600_000_000;
    expect(await a.sessions.fence(id, epoch, undefined)).toEqual({ epoch, oldest: epoch });
    // As the former one left it, before the clock was set back.
    expect((await b.sessions.fence(id, future, undefined))?.epoch).toBe(future);
    expect(await a.sessions.fence(id, epoch, epoch)).toEqual({ epoch: future + 1, oldest: future + 1 });
    await save(id, 1, markOf(id, future + 1));
    expect(await historyOf(id)).toEqual([1]);
    const newer = await b.sessions.claim(id);
    expect(newer.epoch).toBeGreaterThan(future + 1);
    expect((await b.sessions.fence(id, newer.epoch, undefined))?.epoch).toBe(newer.epoch);
    expect(await a.sessions.fence(id, future + 1, undefined)).toBeUndefined();
    expect(await b.sessions.release(id, newer.epoch)).toBe(true);
  });

  it('an entity that is gone has no fence, and stays gone', async () => {
    const a = await join();
    const id = await register(store);
    const mark = await login(a, id);
    await store.registry.deleteDevice(id, 1, 'test');
    expect((await a.sessions.fence(id, mark.epoch, undefined))?.epoch).toBe(mark.epoch);
    await save(id, 1, mark);
    expect([mark.stale, await historyOf(id)]).toEqual([false, []]);
  });
});
